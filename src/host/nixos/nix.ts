/** The door to Nix on this machine: one call, with a VM as its store where one is wanted. */
import { shellWord } from "../../base/shell.ts";
import * as v from "valibot";
import { QnError } from "../../base/errors.ts";
import { findProgram, run } from "../../system/process.ts";
import type { VmPaths } from "../layout.ts";

/** How many of Nix's last lines are shown. */
const linesMax = 20;

/** What `nix build --json` prints of what it has built. */
const builtSchema = v.pipe(v.string(), v.parseJson(), v.tuple([v.object({ outputs: v.object({ out: v.string() }) })]));

/** What a call needs besides its words. */
export type NixCall = {
  /** The VM that the words name as a store. */
  readonly vm?: VmPaths | undefined;
  readonly signal: AbortSignal;
  /** Hears what Nix says while it works, line by line. */
  readonly onLine: (line: string) => void;
  /** Makes the error of a call that failed. */
  readonly failed: (message: string, details: readonly string[]) => QnError;
};

/** The VM as a store of Nix's: root may write to it. */
export function nixStore(paths: VmPaths): string {
  return `ssh-ng://root@qn-${paths.name}`;
}

/**
 * Words of `nix build`: evaluated here, where the flake and nixpkgs are, and built in the VM; only derivations go over.
 */
export function builtIn(paths: VmPaths): readonly string[] {
  // "auto" would pass over the store that NIX_REMOTE names, and look for a daemon that not every user may see.
  return ["--eval-store", process.env["NIX_REMOTE"] || "auto", "--store", nixStore(paths)];
}

/**
 * Runs `nix` and gives the last line that it prints. Throws TOOL_MISSING without it, INTERRUPTED, and what `failed`
 * makes.
 */
export async function nix(words: readonly string[], { vm, signal, onLine, failed }: NixCall): Promise<string> {
  if (findProgram("nix") === undefined) {
    throw new QnError("TOOL_MISSING", "Nix is not in PATH.", { hint: "Install Nix on this machine and try again." });
  }
  const command = ["nix", "--extra-experimental-features", "nix-command flakes", ...words];
  // Nix of old cuts this at spaces and takes quotes for letters of the path; a newer one reads it as a shell does.
  const ssh = vm === undefined ? {} : { NIX_SSHOPTS: `-F ${shellWord(vm.sshConfig)}` };
  const { exitCode, stdout, stderr } = await run(command, {
    env: { ...process.env, ...ssh },
    signal,
    onErrorLine: onLine,
  });
  if (signal.aborted) throw new QnError("INTERRUPTED", "It was called off; nothing was changed.");
  const details = stderr.trim().split("\n").slice(-linesMax);
  if (exitCode !== 0) throw failed(`nix ${words[0] ?? ""} failed.`, details);
  return stdout.trim().split("\n").at(-1) ?? "";
}

/**
 * Builds what the words name and gives its path. Throws as `nix` does, and what `failed` makes when it is not one thing
 * with an output.
 */
export async function nixBuild(words: readonly string[], call: NixCall): Promise<string> {
  // Nix before 2.9 does not know --print-out-paths.
  const said = await nix(["build", "--no-link", "--json", ...words], call);
  const built = v.safeParse(builtSchema, said);
  if (!built.success) throw call.failed("nix build has made nothing that can be used.", [said]);
  return built.output[0].outputs.out;
}

// --- internal ---
