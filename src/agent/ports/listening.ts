/** Which listening sockets of the guest are forwarded with `ports.listen`, and under which address. */
import { gateGuestPort, namesGuestPort, sshGuestPort } from "../../protocol/messages.ts";
import type { HeldSocket } from "../../system/proc-net.ts";

/** A socket that waits for clients; a UDP socket has no peer. */
export type Listening = Omit<HeldSocket, "state">;

/** Ports of the guest's own business (DNS, DHCP, time, mDNS, LLMNR), and qn's doors. */
const guestsOwn = [53, 67, 68, 123, 323, 546, 547, 5353, 5355];
const never: ReadonlySet<number> = new Set([...guestsOwn, gateGuestPort, sshGuestPort, namesGuestPort]);

/**
 * Where the host listens for a socket: as if its port was published on no address in particular, or on the loopback
 * alone, as the socket is. Nothing for the sockets that are not forwarded: those at an address that only the guest has,
 * and UDP sockets with a port that the kernel chose (`chosen`, its range), which are somebody's client.
 */
export function forwardOf(
  { protocol, address, port }: Listening,
  chosen: { readonly first: number; readonly last: number },
): { readonly hostIp: string; readonly target: string } | undefined {
  const isChosen = protocol === "udp" && port >= chosen.first && port <= chosen.last;
  if (never.has(port) || isChosen) return undefined;
  if (address === "0.0.0.0" || address === "::") return { hostIp: "0.0.0.0", target: "127.0.0.1" };
  if (address.startsWith("127.") || address === "::1") return { hostIp: address, target: address };
  return undefined;
}

/**
 * The whole id of the container whose process has this text as its /proc/PID/cgroup: Docker names the group after it,
 * as `docker-ID.scope` below systemd and as `ID` elsewhere. A container's own groups lie below that one.
 */
export function containerIn(cgroup: string): string | undefined {
  return /[/-]([0-9a-f]{64})(?:\.scope)?(?:\/|\n|$)/.exec(cgroup)?.[1];
}
