/** Which versions of the protocol work together, and what an agent says that it can do. */
import { protocolVersion } from "./messages.ts";

/** A host works with agents from this version to its own. */
const oldestProtocol = 2;

/** How a peer of that number stands to this qn: neither an "older" nor a "newer" one works with it. */
export function skewOf(protocol: number): "older" | "newer" | undefined {
  if (protocol < oldestProtocol) return "older";
  return protocol > protocolVersion ? "newer" : undefined;
}

/**
 * What this agent lists in `hello`: it sets the guest's clock when the host says so, runs commands of the settings,
 * opens lanes, mounts and grows disks, gives dockerd certificates, says how much memory the guest uses, lets go of the
 * host's folders to be suspended, says whether anything is in use, finds mounts that are plugged in again, shows
 * containers the host's sockets, becomes another guest when it is a copy, and says when it is calm.
 */
export const capabilities = [
  "clock",
  "provision",
  "lanes",
  "disks",
  "certificates",
  "memory",
  "sleep",
  "use",
  "plug",
  "sockets",
  "renew",
  "calm",
] as const;
