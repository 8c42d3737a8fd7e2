/** Ports that somebody else has, at all of their addresses or at some. */
import type { Served } from "./listener-plan.ts";
import { refusalOf } from "./refusal.ts";

/** A forward, as far as it matters here; one without a listener has been refused. */
type Forward = {
  readonly hostIp: string;
  readonly serves: Served;
  readonly listener: unknown;
  readonly refused: unknown;
};

/** Whether somebody else has its port, so that it may be free at any moment. */
export function isTaken({ listener, refused }: Pick<Forward, "listener" | "refused">): boolean {
  return listener === undefined && refusalOf(refused) === "taken";
}

/**
 * What to add to the reason of each forward that fails while the same port is open at another address: its clients
 * reach somebody else at one of them. By what the forwards serve.
 */
export function openHalves(forwards: readonly Forward[]): ReadonlyMap<Served, string> {
  const places = new Map<Served, string[]>();
  for (const { listener, serves, hostIp } of forwards) {
    if (listener !== undefined) places.set(serves, [...(places.get(serves) ?? []), hostIp]);
  }
  return new Map(
    [...places].map(([serves, open]) => [
      serves,
      `It is open on ${open.join(" and ")}, so "localhost" leads to the one or to the other.`,
    ]),
  );
}
