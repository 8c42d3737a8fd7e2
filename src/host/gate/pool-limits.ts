/** How many connections a pool has, opens and keeps, and for how long it waits: each number with its reason. */
import type { Open } from "../../protocol/stream-request.ts";

/**
 * At most this many connections are being opened at once: slirp listens with a backlog of 1, and a burst overflows it
 * into hangs of 31 s (measured: decision D11).
 */
export const openingMax = 4;

/**
 * Idle connections that the pool keeps: few at rest, as many as a burst used afterwards. What comes back beyond is
 * closed. It fills up again only when half of them are gone: what is opened in the place of one that is lent would push
 * that out when its stream has ended, and each stream would open another.
 */
export const idleMin = 8;
/** See idleMin. */
export const idleMax = 64;

/** The longest word of the agent's behind a stream, in bytes. */
export const readyBytesMax = 64;

/**
 * How many of them, and which part of the lanes, are left to Docker's clients and qn's own streams, so that they never
 * wait behind clients of ports. Strangers who keep the gate busy cannot dial a lane.
 */
export const ownIdle = 2;
/** See ownIdle. */
export const ownLanesPart = 0.25;

/**
 * So long after one of them has begun connections for clients of ports are opened one by one: each costs the guest
 * processor time that the answer needs, most of all an emulated one (decision D145).
 */
export const ownTurnMs = 1_000;

/** How many failed dials in a row mean that the gate is lost. */
export const failuresMax = 3;

/**
 * A caller that is hung up on has perhaps only been pushed out by strangers: it comes again after a while, and the
 * gate is lost only when nobody has come in for so long. An agent that has died ends the link by itself.
 */
export const hungUpPauseMs = 100;
/** See hungUpPauseMs. */
export const usualHungUpMaxMs = 20_000;

/**
 * What takes a lane where one is free. Docker's own streams are many and long, and what they bring is faster by the
 * gate.
 */
export const laneStreams: readonly Open["open"][] = ["port", "guest", "socket", "mount-socket"];

/** Idle connections of a pool that is cold: each costs a guest that boots time which Docker needs. */
export const idleCold = 1;
