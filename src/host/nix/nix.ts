/** The door to Nix on this machine: one call, with a VM as its store where one is wanted. */
import { QnError } from "../../base/errors.ts";
import { findProgram, run } from "../../system/process.ts";
import { quote } from "../integrate/ssh-command.ts";
import type { VmPaths } from "../layout.ts";

/** How many of Nix's last lines are shown. */
const linesMax = 20;

/** What a call needs besides its words. */
export type NixCall = {
  /** The VM that the words name as a store. */
  readonly vm?: VmPaths | undefined;
  readonly signal: AbortSignal;
  /** Makes the error of a call that failed. */
  readonly failed: (message: string, details: readonly string[]) => QnError;
};

/** The VM as a store of Nix's: root may write to it. */
export function nixStore(paths: VmPaths): string {
  return `ssh-ng://root@qn-${paths.name}`;
}

/** Runs `nix` and gives the last line that it prints. Throws TOOL_MISSING without it, INTERRUPTED, and what `failed` makes. */
export async function nix(words: readonly string[], { vm, signal, failed }: NixCall): Promise<string> {
  if (findProgram("nix") === undefined) {
    throw new QnError("TOOL_MISSING", "Nix is not in PATH.", { hint: "Install Nix on this machine and try again." });
  }
  const command = ["nix", "--extra-experimental-features", "nix-command flakes", ...words];
  const ssh = vm === undefined ? {} : { NIX_SSHOPTS: `-F ${quote(vm.sshConfig)}` };
  const { exitCode, stdout, stderr } = await run(command, { env: { ...process.env, ...ssh }, signal });
  if (signal.aborted) throw new QnError("INTERRUPTED", "It was called off; nothing was changed.");
  const details = stderr.trim().split("\n").slice(-linesMax);
  if (exitCode !== 0) throw failed(`nix ${words[0] ?? ""} failed.`, details);
  return stdout.trim().split("\n").at(-1) ?? "";
}
