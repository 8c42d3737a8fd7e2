/** OpenSSH's configuration for the VMs, so that ssh, scp and everything built on them find the guest. */
import { mkdir, rm } from "node:fs/promises";
import { writeFileAtomically } from "../../system/files.ts";
import { ownUser } from "../../system/own-user.ts";
import type { VmConfig } from "../config/schema.ts";
import { type Layout, sshMasterSocket, type VmPaths } from "../layout.ts";
import { builderHost } from "./nix-builder.ts";
import { masterSettings } from "./ssh-master.ts";

/** A VM's own configuration file: the host `qn-<vm>` (ssh_config(5)). */
export function renderSshConfig(paths: VmPaths, sshPort: number, user: string): string {
  return `# Written by qn at each start of the VM "${paths.name}".
Host qn-${paths.name}
  HostName 127.0.0.1
  Port ${sshPort}
  User ${user}
  IdentityFile ${quoted(paths.sshKey)}
  IdentitiesOnly yes
  UserKnownHostsFile ${quoted(paths.sshKnownHosts)}
  HostKeyAlias qn-${paths.name}
  StrictHostKeyChecking yes
  LogLevel ERROR
`;
}

/** The host of a VM's builder: root in the guest, with a key that can do nothing but build. */
export function renderBuilderSshConfig(paths: VmPaths, sshPort: number): string {
  return renderSshConfig(paths, sshPort, "root")
    .replace(`Host qn-${paths.name}\n`, `Host ${builderHost(paths.name)}\n`)
    .replace(quoted(paths.sshKey), quoted(paths.builderKey));
}

/**
 * What lets ssh, scp and editors share one connection, which `qn ssh` uses too. Only the login user's, and never
 * root's: who switches root's system from outside (deploy-rs, nixos-rebuild) has to see whether it still lets anybody
 * in. Only this machine's same user's: what another one makes here, this one could not use. Empty where it cannot be.
 */
export function renderSharing(paths: VmPaths, user: string): string {
  const socket = sshMasterSocket(paths, "user");
  if (socket === undefined || user === "root" || !/^[\w.-]+$/.test(user)) return "";
  const settings = Object.entries(masterSettings).map(([name, value]) => `  ${name} ${value}\n`);
  return `# All that this user starts has one connection in common; a tunnel that shall stay needs one of its own: ssh -S none -N -L …
Match originalhost qn-${paths.name} localuser ${user} user ${user}
${settings.join("")}  ControlPath ${quoted(socket)}
`;
}

/** Writes the VM's configuration, and the one that includes every VM's. */
export async function writeSshConfig(
  layout: Layout,
  paths: VmPaths,
  sshPort: number,
  { nixBuilder }: Pick<VmConfig, "nixBuilder">,
): Promise<void> {
  await mkdir(layout.home, { recursive: true, mode: 0o700 });
  const user = ownUser().name;
  const own = renderSshConfig(paths, sshPort, user) + renderSharing(paths, user);
  await writeFileAtomically(paths.sshConfig, own);
  if (nixBuilder) await writeFileAtomically(paths.builderSshConfig, renderBuilderSshConfig(paths, sshPort));
  else await rm(paths.builderSshConfig, { force: true });
  await writeFileAtomically(
    layout.sshConfig,
    `# Written by qn: each VM as the host qn-<vm>.\n${includeLine(layout.home)}\n`,
  );
}

// --- internal ---

/** A path as ssh_config(5) reads it back: in quotes, with backslashes before what ends them and % doubled (TOKENS). */
function quoted(path: string): string {
  return `"${path.replaceAll(/["\\]/g, "\\$&").replaceAll("%", "%%")}"`;
}

/**
 * The line that includes every VM's configuration. Letters that ssh or its glob(7) would read as more than themselves
 * stand as "?", which is any one letter, themselves too: there is no way to write them that every version of ssh reads
 * alike.
 */
function includeLine(home: string): string {
  return `Include "${home.replaceAll(/[*?[\]\\"%$]/g, "?")}/*/ssh_config"`;
}
