/** Why a published port cannot be listened on, as a sentence for whoever ran the container. */
import { messageOf } from "../../base/errors.ts";
import type { PublishedPort } from "../../protocol/messages.ts";
import { isErrno } from "../../system/files.ts";
import { holdersOfPort, type PortHolder } from "../../system/port-holders.ts";
import { overlaps } from "./plan.ts";

/** What was to be listened on. */
type Listening = Pick<PublishedPort, "protocol" | "hostIp" | "hostPort">;

/** A port that a rule of `ports.deny` keeps from being forwarded. */
export class DeniedPort extends Error {}

/**
 * The sentence for a failed listen(2). A port that is taken names its owner, if this user may know it; without `lookUp` it
 * only says so, since looking goes through every process of the machine.
 */
export async function refusalOf(listening: Listening, error: unknown, lookUp = true): Promise<string> {
  const { hostIp, hostPort } = listening;
  const where = `Port ${hostPort} on ${hostIp}`;
  if (isErrno(error, "EADDRINUSE")) return `${where} is taken${lookUp ? ` by ${await ownerOf(listening)}` : ""}.`;
  if (isErrno(error, "EACCES")) return `${where} needs rights that this user does not have.`;
  if (isErrno(error, "EADDRNOTAVAIL")) return `${where} cannot be opened: this machine has no such address.`;
  if (error instanceof DeniedPort) return `${where} is not forwarded: ${error.message}.`;
  return `${where} cannot be opened: ${messageOf(error)}.`;
}

/** The VM that a command line is the supervisor of: `qn supervise web …`. */
export function vmOf(command: readonly string[]): string | undefined {
  const verb = command.indexOf("supervise");
  return verb > 0 && verb <= 2 ? command[verb + 1] : undefined;
}

// --- internal ---

/** Whoever holds the port at an address that is in the way. This process may well hold it at another one. */
async function ownerOf({ protocol, hostIp, hostPort }: Listening): Promise<string> {
  const holders = await holdersOfPort(hostPort);
  const owner = holders.find(
    (holder) =>
      holder.protocol === protocol &&
      holder.pid !== process.pid &&
      holder.addresses.some((each) => overlaps(each, hostIp)),
  );
  return nameOf(owner);
}

function nameOf(owner: PortHolder | undefined): string {
  if (owner?.pid === undefined) return "another user's process";
  const vm = vmOf(owner.command);
  return vm === undefined ? `${owner.name ?? "a process"} (pid ${owner.pid})` : `the VM "${vm}"`;
}
