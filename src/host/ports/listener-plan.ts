/** Which host listeners the published ports need, and what changes from those that there are. */
import { rangeOf } from "../config/port-rule.ts";
import type { VmConfig } from "../config/schema.ts";
import { canonicalIp, isLoopback } from "../../base/ip.ts";
import type { PublishedPort } from "../../protocol/messages.ts";

/** What a listener serves: a published port, or a port of the guest itself that a person forwards. */
export type Served = PublishedPort & { readonly guestPort?: number };

/** A host listener that should be: an address and port, and the port that it serves. */
export type Wanted = {
  readonly protocol: PublishedPort["protocol"];
  readonly hostIp: string;
  readonly hostPort: number;
  readonly serves: Served;
};

/** A port or a range of ports, ends included, that is never forwarded; `rule` is how the settings write it. */
export type DenyRule = { readonly first: number; readonly last: number; readonly rule: string };

/**
 * Where published ports listen that name no address: on the loopback, or at every address of the host. `strict` is the
 * loopback, and nothing beyond it for those either that name an address.
 */
export type Bind = "loopback" | "all" | "strict";

/** What the settings say about forwards: `ports.bind` and `ports.deny`. */
export type PortRules = { readonly bind: Bind; readonly deny: readonly DenyRule[] };

/**
 * Why a listener cannot be: somebody has the port, rights, no such address here, `ports.deny`, not carried, all else.
 */
export const refusals = ["taken", "rights", "address", "denied", "protocol", "other"] as const;
export type Refusal = (typeof refusals)[number];

const unspecified = new Set(["", "0.0.0.0", "::"]);

/** True for the address of a publish that names none: both families stand for it. */
export function isUnspecified(hostIp: string): boolean {
  return unspecified.has(hostIp);
}

/** What the settings say about forwards, for use. The rules of `deny` were checked when they were read. */
export function portRules(ports: VmConfig["ports"]): PortRules {
  const deny = ports.deny.flatMap((rule) => {
    const range = rangeOf(rule);
    return range === undefined ? [] : { ...range, rule: `${rule}` };
  });
  return { bind: ports.bind, deny };
}

/** Whether it is an address in the form that all agree on: no name that a server would be asked for, nor `127.1`. */
export function isAddress(hostIp: string): boolean {
  return canonicalIp(hostIp) === hostIp;
}

/** The rule that keeps a port from being forwarded, as the end of a sentence; nothing when there is none. */
export function ruleAgainst(
  { hostIp, hostPort }: Pick<Wanted, "hostIp" | "hostPort">,
  rules: PortRules,
): string | undefined {
  if (rules.bind === "strict" && !isLoopback(hostIp))
    return "ports.bind of this VM is strict, which is loopback addresses only";
  const denied = deniedBy(hostPort, rules.deny);
  return denied === undefined ? undefined : `ports.deny of this VM has ${denied.rule}`;
}

/** The first rule that keeps this port from being forwarded. */
export function deniedBy(port: number, deny: readonly DenyRule[]): DenyRule | undefined {
  return deny.find(({ first, last }) => first <= port && port <= last);
}

/** Whether a socket at `held` is in the way of one at `wanted`: the same address, or one of them is every address. */
export function overlaps(held: string, wanted: string): boolean {
  if (held === wanted || held === "::") return true;
  return (isUnspecified(held) || isUnspecified(wanted)) && isSix(held) === isSix(wanted);
}

/** The addresses that stand for "unspecified", IPv4 and IPv6 both, so that `localhost` works however it resolves. */
const bindAddresses: Record<Bind, readonly string[]> = {
  loopback: ["127.0.0.1", "::1"],
  all: ["0.0.0.0", "::"],
  strict: ["127.0.0.1", "::1"],
};

/**
 * The listeners for the published ports. `0.0.0.0` and `::` of one publish are one forward on both families (decision
 * D34); of two that want the same address and port the first serves.
 */
export function wantedListeners(published: readonly Served[], bind: Bind): Wanted[] {
  const wanted = new Map<string, Wanted>();
  for (const serves of published) {
    const addresses = isUnspecified(serves.hostIp) ? bindAddresses[bind] : [serves.hostIp];
    for (const hostIp of addresses) {
      const listener = { protocol: serves.protocol, hostIp, hostPort: serves.hostPort, serves };
      const key = listenerKey(listener);
      if (!wanted.has(key)) wanted.set(key, listener);
    }
  }
  return [...wanted.values()];
}

function isSix(address: string): boolean {
  return address.includes(":");
}

/** What makes a listener the same one. */
function listenerKey(listener: Pick<Wanted, "protocol" | "hostIp" | "hostPort">): string {
  return `${listener.protocol} ${listener.hostIp} ${listener.hostPort}`;
}

/** The steps from the listeners that there are to those that should be; close first, so that a port can move. */
export function planListeners<Actual extends Pick<Wanted, "protocol" | "hostIp" | "hostPort">>(
  wanted: readonly Wanted[],
  actual: readonly Actual[],
): { readonly close: readonly Actual[]; readonly keep: readonly [Actual, Wanted][]; readonly open: readonly Wanted[] } {
  const have = new Map(actual.map((listener) => [listenerKey(listener), listener]));
  const want = new Set(wanted.map(listenerKey));
  const keep: [Actual, Wanted][] = [];
  const open: Wanted[] = [];
  for (const listener of wanted) {
    const existing = have.get(listenerKey(listener));
    if (existing === undefined) open.push(listener);
    else keep.push([existing, listener]);
  }
  return { close: actual.filter((listener) => !want.has(listenerKey(listener))), keep, open };
}
