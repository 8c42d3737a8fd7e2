/** How many UDP clients the ports of one VM have at once, and how much of what they say may wait. */
import { type DescriptorShares, ownShares } from "./descriptor-shares.ts";

/** What is bounded: flows of all ports, and the bytes that wait for theirs to open. */
export type FlowBounds = { readonly flows: number; readonly waitingBytes: number };

/**
 * As many as clients of TCP ports are carried at once: QEMU's slirp goes through all of its connections for each
 * packet. What waits is less than a tenth of what the supervisor has at rest.
 */
const usualBounds = ({ flows }: DescriptorShares): FlowBounds => ({
  flows: Math.min(1_024, flows),
  waitingBytes: 4 * 1024 ** 2,
});

/** A port that has flows. */
export type PortFlows = {
  readonly size: number;
  /** Ends the flow that has been silent for the longest time. */
  endIdlest(): void;
};

/** The flows of one VM. */
export class FlowLimit {
  readonly #bounds: FlowBounds;
  readonly #ports = new Set<PortFlows>();
  #waitingBytes = 0;

  constructor(bounds: FlowBounds = usualBounds(ownShares())) {
    this.#bounds = bounds;
  }

  /** Makes room for one more: who has most loses one, so that a flood, of forged clients too, takes its own port's. */
  makeRoom(): void {
    const ports = [...this.#ports];
    if (ports.reduce((sum, { size }) => sum + size, 0) < this.#bounds.flows) return;
    ports.reduce((most, port) => (port.size > most.size ? port : most)).endIdlest();
  }

  /** To be called when a port has its first flow, and when its last one is over. */
  has(port: PortFlows, isBusy: boolean): void {
    if (isBusy) this.#ports.add(port);
    else this.#ports.delete(port);
  }

  /** Whether so many bytes more may wait; they count until `release`. */
  hold(bytes: number): boolean {
    if (this.#waitingBytes + bytes > this.#bounds.waitingBytes) return false;
    this.#waitingBytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#waitingBytes -= bytes;
  }
}
