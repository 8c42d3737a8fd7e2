/** Which sockets of this machine answer in containers: what the settings say, and what this machine says of it. */
import { QnError } from "../../base/errors.ts";
import { shellWord } from "../../base/shell.ts";
import { liesIn } from "../../base/words.ts";
import type { GuestSocket } from "../../protocol/host-sockets.ts";
import { sshAgent, sshAgentPath } from "../../protocol/terms.ts";
import type { VmConfig } from "../config/schema.ts";
import type { GuestShare } from "./shares.ts";

/** A socket of this machine as the settings name it, where it is here, and where containers find it. */
export type HostSocket = GuestSocket & { readonly path: string };

/**
 * The sockets of the setting `files.sockets`. The ssh agent's is the one of this process' environment, at its own path
 * and at the one that Docker Desktop has for it; it is left out where there is none.
 */
export function socketsOf(setting: readonly string[], env: Readonly<Record<string, string | undefined>>): HostSocket[] {
  return [...new Set(setting)].flatMap((name) => {
    if (name !== sshAgent) return [{ name, path: name, paths: [name] }];
    const path = env["SSH_AUTH_SOCK"] ?? "";
    return path.startsWith("/") ? [{ name, path, paths: [sshAgentPath, path] }] : [];
  });
}

/** Throws CONFIG_INVALID for sockets that are never a container's: qn's own, which rule the VM, and Docker's. */
export function refuseOwnSockets(sockets: readonly HostSocket[], home: string): void {
  const refused = sockets.find(({ path }) => liesIn(path, home) || dockerSockets.includes(path));
  if (refused === undefined) return;
  const whose = liesIn(refused.path, home)
    ? `is in QN_HOME (${home}), whose sockets rule the VM`
    : "means the guest's own Docker in a container";
  throw new QnError("CONFIG_INVALID", `files.sockets: ${refused.path} ${whose}.`, {
    hint: "Take it out of files.sockets.",
  });
}

/** What to do for a socket that a container mounts: nothing where the settings have it, or no mount does. */
export function remedyOf(
  { files }: Pick<VmConfig, "files">,
  shares: readonly Pick<GuestShare, "path">[],
  home: string,
): (path: string) => string | undefined {
  return (path) => {
    const isMounted = shares.some((share) => liesIn(path, share.path)) && !liesIn(path, home);
    if (!isMounted || files.sockets.includes(path)) return undefined;
    const setting = shellWord(`files.sockets=${JSON.stringify([...files.sockets, path])}`);
    return `A container mounts ${path}, a socket. If a program of this machine listens there, \`qn config set ${setting}\` and a restart of the VM let containers reach it.`;
  };
}

// --- internal ---

const dockerSockets = ["/var/run/docker.sock", "/run/docker.sock"];
