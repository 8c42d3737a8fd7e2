/** What a device of vhost-user remembers of each ring, and which messages make both what they are. */
import type { Segments } from "../ring/segments.ts";
import type { SplitRing } from "../ring/split-ring.ts";
import { requests, type RingAddresses } from "./wire.ts";

/**
 * Who works on requests: they are in the two segments, and the number of bytes that were written is the answer; without
 * one the answer comes later, by `giveBack` with the ring and the request's number there.
 */
export type RingServer = {
  readonly readable: Segments;
  readonly writable: Segments;
  serve(ring: number, head: number): number | undefined;
  /** How many requests of a ring, which has `done` of them done, a killed process has taken and not answered. */
  takeOver(ring: number, done: number): number;
  /** Answers all of a ring that were to be answered later: it stops. */
  answerAll(ring: number): void;
};

/** What QEMU has said of a ring, and the ring once all is known. */
export type RingState = {
  size: number;
  base: number;
  addresses: RingAddresses | undefined;
  kick: number;
  call: number;
  isEnabled: boolean;
  ring: SplitRing | undefined;
  /** Whether its turn was over before it was empty. */
  hasMore: boolean;
};

/** A ring of which nothing is known. */
export function newRing(): RingState {
  return {
    size: 0,
    base: 0,
    addresses: undefined,
    kick: -1,
    call: -1,
    isEnabled: false,
    ring: undefined,
    hasMore: false,
  };
}

/** The rings of one device: one for forgetting, and those for requests. */
export function newRings(): RingState[] {
  return Array.from({ length: 9 }, newRing);
}

/** What makes a device what it is, and each of its rings: said again to another process, it is the same device. */
export const deviceRequests: ReadonlySet<number> = new Set([requests.setFeatures, requests.setMemoryTable]);
export const ringRequests: ReadonlySet<number> = new Set([
  requests.setRingSize,
  requests.setRingAddresses,
  requests.setRingBase,
  requests.getRingBase,
  requests.setRingKick,
  requests.setRingCall,
  requests.setRingEnable,
]);
