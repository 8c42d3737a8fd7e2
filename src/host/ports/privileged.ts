/** How a port below 1024 is listened on at a loopback address, where only every address of the host is free to all. */
import { isLoopback } from "../../base/ip.ts";

/** Where to listen, and which clients to take. `local` is the address that the client has reached, when it is known. */
export type ListensAs = {
  readonly address: string;
  readonly admits: (peer: string, local: string | undefined) => boolean;
};

/**
 * On macOS anybody may listen on a port below 1024, but only at 0.0.0.0 and :: (decision D35; since macOS 10.14): so qn
 * listens there, and takes only clients that come from loopback and have reached the address that was asked for.
 * Everywhere else, and for all other ports, a forward listens where it should, and takes everybody.
 */
export function listensAs(
  forward: { readonly hostIp: string; readonly hostPort: number },
  os: NodeJS.Platform,
): ListensAs {
  const { hostIp, hostPort } = forward;
  if (!openWide.has(os) || hostPort >= 1024 || !isLoopback(hostIp)) return { address: hostIp, admits: () => true };
  return {
    address: hostIp.includes(":") ? "::" : "0.0.0.0",
    admits: (peer, local) => isLoopback(peer) && (local === undefined || local === hostIp),
  };
}

// --- internal ---

/** Systems where ports below 1024 are free to all at every address only. */
const openWide: ReadonlySet<NodeJS.Platform> = new Set<NodeJS.Platform>(["darwin"]);
