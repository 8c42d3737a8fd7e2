/** Why a published port cannot be listened on, as a sentence for whoever ran the container. */
import { messageOf } from "../../base/errors.ts";
import type { PublishedPort } from "../../protocol/messages.ts";
import { isErrno } from "../../system/errno.ts";
import { holdersOfPort, type PortHolder } from "../../system/port-holders.ts";
import { missingRights } from "./rights.ts";
import { overlaps, type Refusal } from "./listener-plan.ts";

/** What was to be listened on. */
type Listening = Pick<PublishedPort, "protocol" | "hostIp" | "hostPort">;

/** A port that a rule of the settings keeps from being forwarded. */
export class DeniedPort extends Error {}

/** What is published on is no address, or not written as all write it. */
export class NoAddress extends Error {}

/** A port of a protocol that the way between host and guest does not carry. */
export class UncarriedProtocol extends Error {}

/** Which of them the failure of listen(2), or of what comes before it, is. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof DeniedPort) return "denied";
  if (error instanceof NoAddress) return "address";
  if (error instanceof UncarriedProtocol) return "protocol";
  return errnos.find(([errno]) => isErrno(error, errno))?.[1] ?? "other";
}

/**
 * The sentence for it. A port that is taken names its owner, if this user may know it; without `lookUp` it
 * only says so, since looking goes through every process of the machine.
 */
export async function refusalText(listening: Listening, error: unknown, lookUp = true): Promise<string> {
  const { hostIp, hostPort } = listening;
  const where = `Port ${hostPort} on ${hostIp}`;
  switch (refusalOf(error)) {
    case "taken":
      return `${where} is taken${lookUp ? ` by ${await ownerOf(listening)}` : ""}.`;
    case "rights":
      return [`${where} needs rights that this user does not have.`, await missingRights(hostPort)].join(" ").trim();
    case "address":
      if (error instanceof NoAddress) {
        const named = JSON.stringify(hostIp);
        return `Port ${hostPort} cannot be opened: ${named} is not an IP address in its usual form.`;
      }
      return `${where} cannot be opened: this machine has no such address.`;
    case "denied":
      return `${where} is not forwarded: ${messageOf(error)}.`;
    case "protocol":
    case "other":
      return `${where} cannot be opened: ${messageOf(error)}.`;
  }
}

/** The VM that a command line is the supervisor of: `qn supervise web …`. */
export function vmOf(command: readonly string[]): string | undefined {
  const verb = command.indexOf("supervise");
  return verb > 0 && verb <= 2 ? command[verb + 1] : undefined;
}

// --- internal ---

const errnos: readonly (readonly [string, Refusal])[] = [
  ["EADDRINUSE", "taken"],
  ["EACCES", "rights"],
  ["EADDRNOTAVAIL", "address"],
];

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
