/** Forwards that a person makes with `qn ports add`: what may be asked for, and the list of those that a VM has. */
import * as v from "valibot";
import { QnError } from "../../base/errors.ts";
import { canonicalIp } from "../../base/ip.ts";
import { bracketed } from "../../base/words.ts";
import { portSchema } from "../../protocol/terms.ts";
import { isUnspecified } from "./listener-plan.ts";

/** A forward to a port of the guest itself; `hostIp` is "" when none was named, and then `ports.bind` decides. */
export const handForwardSchema = v.object({
  protocol: v.picklist(["tcp", "udp"]),
  hostIp: v.pipe(
    v.string(),
    v.check((address) => address === "" || canonicalIp(address) === address, "is not an IP address in its one form"),
  ),
  hostPort: portSchema,
  guestPort: portSchema,
});

export type HandForward = v.InferOutput<typeof handForwardSchema>;

/** The address and port of the host that a forward listens on. */
type HostPort = Pick<HandForward, "protocol" | "hostIp" | "hostPort">;

/**
 * Reads `[HOSTIP:]HOSTPORT[:GUESTPORT][/udp]`, an IPv6 address in brackets; the guest's port is the host's unless
 * given. Throws USAGE.
 */
export function parseForward(text: string): HandForward {
  const [, bracketed, plain, hostPort = "", guestPort = hostPort, protocol = "tcp"] = written.exec(text) ?? [];
  const named = bracketed ?? plain ?? "";
  const result = v.safeParse(handForwardSchema, {
    protocol,
    hostIp: canonicalIp(named) ?? named,
    hostPort: Number(hostPort),
    guestPort: Number(guestPort),
  });
  if (result.success && hostPort !== "") return result.output;
  throw new QnError("USAGE", `"${text}" is not a forward.`, {
    hint: "Write [HOSTIP:]HOSTPORT[:GUESTPORT][/udp], such as 8080, 8080:80 or 127.0.0.1:5353:53/udp.",
  });
}

/** The most forwards by hand of one VM. */
const handForwardsMax = 256;

/** The list with one more. Throws PORT_TAKEN when another one listens there already, USAGE when there are too many. */
export function withForward(list: readonly HandForward[], forward: HandForward): readonly HandForward[] {
  if (list.some((other) => isSameAddress(other, forward))) {
    throw new QnError("PORT_TAKEN", `${namedPort(forward)} has a forward that was made by hand.`);
  }
  if (list.length >= handForwardsMax) {
    throw new QnError("USAGE", `This VM has ${list.length} forwards that were made by hand, which is the most.`);
  }
  return [...list, forward];
}

/**
 * The list without the one that listens there; where no address is named, without all of that port. Throws
 * NO_SUCH_FORWARD when there is none.
 */
export function withoutForward(list: readonly HandForward[], wanted: HostPort): readonly HandForward[] {
  const isMeant = (other: HandForward): boolean =>
    wanted.hostIp === "" ? isSamePort(other, wanted) : isSameAddress(other, wanted);
  const rest = list.filter((other) => !isMeant(other));
  if (rest.length < list.length) return rest;
  throw new QnError("NO_SUCH_FORWARD", `${namedPort(wanted)} has no forward that was made by hand.`);
}

/** What is to be done with a forward. */
export type ForwardChange = "add" | "remove";

/** The list with the change in it. Throws PORT_TAKEN or NO_SUCH_FORWARD. */
export function changed(
  list: readonly HandForward[],
  change: ForwardChange,
  forward: HandForward,
): readonly HandForward[] {
  return { add: withForward, remove: withoutForward }[change](list, forward);
}

/** The list as it is kept. Throws what JSON and the schema throw. */
export function parseForwards(text: string): readonly HandForward[] {
  return v.parse(v.pipe(v.array(handForwardSchema), v.maxLength(handForwardsMax)), JSON.parse(text));
}

/** A port of the host as a person writes it: `[HOSTIP:]HOSTPORT/PROTOCOL`. */
export function hostPortText({ protocol, hostIp, hostPort }: HostPort): string {
  return `${hostIp === "" ? "" : `${bracketed(hostIp)}:`}${hostPort}/${protocol}`;
}

/** What a forward by hand leads to, in the place of a container's name: "guest:80". */
export function targetName({ guestPort }: HandForward): string {
  return `guest:${guestPort}`;
}

// --- internal ---

const written = /^(?:\[([0-9a-f:.]+)\]:|(\d+\.\d+\.\d+\.\d+):)?(\d{1,5})(?::(\d{1,5}))?(?:\/(tcp|udp))?$/i;

function isSamePort(one: HostPort, other: HostPort): boolean {
  return one.protocol === other.protocol && one.hostPort === other.hostPort;
}

/** Two addresses that name none are the same one, however they are written. */
function isSameAddress(one: HostPort, other: HostPort): boolean {
  const isSameIp = one.hostIp === other.hostIp || (isUnspecified(one.hostIp) && isUnspecified(other.hostIp));
  return isSamePort(one, other) && isSameIp;
}

function namedPort({ protocol, hostIp, hostPort }: HostPort): string {
  return `Port ${hostPort}/${protocol}${hostIp === "" ? "" : ` on ${hostIp}`}`;
}
