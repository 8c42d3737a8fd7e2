/** Why a published port cannot be listened on, as a sentence for whoever ran the container. */
import type { PublishedPort } from "../../protocol/messages.ts";
import { isErrno } from "../../system/files.ts";
import { messageOf } from "../../base/errors.ts";
import { ownerOfPort, type PortOwner } from "../../system/port-owner.ts";

/** What was to be listened on. */
type Listening = Pick<PublishedPort, "protocol" | "hostIp" | "hostPort">;

/** The sentence for a failed listen(2). A port that is taken names its owner, if this user may know it. */
export async function refusalOf({ protocol, hostIp, hostPort }: Listening, error: unknown): Promise<string> {
  const where = `Port ${hostPort} on ${hostIp}`;
  if (isErrno(error, "EADDRINUSE")) return `${where} is taken by ${nameOf(await ownerOfPort(protocol, hostPort))}.`;
  if (isErrno(error, "EACCES")) return `${where} needs rights that this user does not have.`;
  if (isErrno(error, "EADDRNOTAVAIL")) return `${where} cannot be opened: this machine has no such address.`;
  return `${where} cannot be opened: ${messageOf(error)}.`;
}

/** The VM that a command line is the supervisor of: `qn supervise web …`. */
export function vmOf(command: readonly string[]): string | undefined {
  const verb = command.indexOf("supervise");
  return verb > 0 && verb <= 2 ? command[verb + 1] : undefined;
}

// --- internal ---

function nameOf(owner: PortOwner | undefined): string {
  if (owner === undefined) return "another user's process";
  const vm = vmOf(owner.command);
  return vm === undefined ? `${owner.name} (pid ${owner.pid})` : `the VM "${vm}"`;
}
