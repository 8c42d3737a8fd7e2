/** A VM as a remote builder of this machine's Nix: two entries below /etc, by which Nix finds the guest. */
import { QnError } from "../../base/errors.ts";
import { run } from "../../system/process.ts";
import { ownUser } from "../../system/own-user.ts";
import type { VmConfig } from "../config/schema.ts";
import type { VmPaths } from "../layout.ts";

/** The ssh host of a VM's builder (builder_ssh_config in its folder). */
export function builderHost(vm: string): string {
  return `qn-${vm}-builder`;
}

/**
 * The line of /etc/nix/machines: URI, system, key, jobs, speed, features, needed features, host key (nix.conf(5),
 * builders).
 */
function machineLine(vm: string, { arch, cpus }: Pick<VmConfig, "arch" | "cpus">): string {
  return `ssh-ng://root@${builderHost(vm)} ${arch}-linux - ${cpus} 1 big-parallel - -`;
}

/** ssh's settings for whoever runs Nix here: root's daemon, or the user in an installation without one. */
function builderSshEntry(paths: VmPaths, user: string): string {
  const file = paths.builderSshConfig.replaceAll(/[*?[\]\\"%$]/g, "?");
  return `# Written by qn nix-builder enable ${paths.name}\nMatch localuser root,${user}\n  Include "${file}"\n`;
}

/** How the change below /etc is asked for. */
export type EtcChange = {
  readonly paths: VmPaths;
  /** The settings of a VM that is to be a builder; without them the entries go. */
  readonly config?: Pick<VmConfig, "arch" | "cpus"> | undefined;
  readonly mayUseSudo: boolean;
  readonly etc?: string;
};

/**
 * Writes or removes the entries. Throws NOT_PERMITTED when that takes an administrator and sudo was not allowed, or
 * when the files are Nix' own.
 */
export async function changeEtc({ paths, config, mayUseSudo, etc = "/etc" }: EtcChange): Promise<void> {
  const line = config === undefined ? "" : machineLine(paths.name, config);
  const entry = config === undefined ? "" : builderSshEntry(paths, ownUser().name);
  const words = ["sh", "-euc", etcScript, "sh", etc, paths.name, line, entry];
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && !mayUseSudo) {
    throw new QnError("NOT_PERMITTED", `${etc}/nix/machines and ${etc}/ssh/ssh_config.d are an administrator's.`, {
      hint: "Say --sudo, and sudo asks for the right.",
    });
  }
  const { exitCode, stderr } = await run(isRoot ? words : ["sudo", ...words]);
  if (exitCode === 0) return;
  if (exitCode === declared) {
    throw new QnError("NOT_PERMITTED", `${etc}/nix/machines is made by this machine's Nix configuration.`, {
      hint: `Declare it there: services.qn.vms.${paths.name}.nixBuilder = true.`,
    });
  }
  throw new QnError("NOT_PERMITTED", `${etc} was not changed: ${stderr.trim()}.`);
}

// --- internal ---

/** The script's exit status for a file that leads into the Nix store. */
const declared = 9;

/** In the words of $1 /etc, $2 the VM, $3 its line and $4 ssh's entry; both are empty when they go. */
const etcScript = `
umask 022
machines=$1/nix/machines
if [ -L "$machines" ]; then exit ${declared}; fi
mkdir -p "$1/nix" "$1/ssh/ssh_config.d"
{ grep -v "^ssh-ng://root@qn-$2-builder " "$machines" 2>/dev/null || true; [ -z "$3" ] || printf '%s\\n' "$3"; } > "$machines.qn"
mv "$machines.qn" "$machines"
[ -s "$machines" ] || rm "$machines"
entry=$1/ssh/ssh_config.d/100-qn-$2-builder.conf
if [ -n "$4" ]; then printf %s "$4" > "$entry"; else rm -f "$entry"; fi`;
