/** A split virtqueue seen from the device (virtio 1.2, 2.7): which requests are there, and which are done; pure. */
import { BrokenRing, type Chain, descriptorBytes, type GuestMemory, readChain } from "./chain.ts";

/** The three parts of a ring, each exactly as long as `ringBytes` says. */
export type RingParts = {
  readonly descriptors: DataView;
  readonly available: DataView;
  readonly used: DataView;
};

/** The largest ring that virtio knows. */
const sizeMax = 32_768;

/**
 * So many requests of a ring are served in a row. Where more programs ask than are served meanwhile a ring is never
 * empty: QEMU, who brings files to the disk, and the other rings would wait without end.
 */
export const turnMax = 16;

/** The lengths of the parts of a ring of `size` entries. Throws when there is no such ring. */
export function ringBytes(size: number): Record<keyof RingParts, number> {
  if (size < 1 || size > sizeMax || (size & (size - 1)) !== 0) throw new BrokenRing(`a ring of ${size}`);
  return { descriptors: descriptorBytes * size, available: 6 + 2 * size, used: 6 + 8 * size };
}

/** One ring. Counters are 16 bits wide and run over. */
export class SplitRing {
  readonly #size: number;
  readonly #parts: RingParts;
  /** Indexes that the other side reads or writes meanwhile go through Atomics, for their order in memory. */
  readonly #availableWords: Uint16Array;
  readonly #usedWords: Uint16Array;
  readonly #hasEventIndex: boolean;
  #next: number;
  #done: number;

  /** `next` is the counter of the first request that has not been taken yet. */
  constructor(size: number, parts: RingParts, next: number, hasEventIndex: boolean) {
    ringBytes(size);
    this.#size = size;
    this.#parts = parts;
    this.#availableWords = wordsOf(parts.available);
    this.#usedWords = wordsOf(parts.used);
    this.#hasEventIndex = hasEventIndex;
    this.#next = next & 0xffff;
    this.#done = Atomics.load(this.#usedWords, 1);
  }

  /** The counter of the next request to take. */
  get next(): number {
    return this.#next;
  }

  /** The counter of the next request to be done. */
  get done(): number {
    return this.#done;
  }

  /** Reads a request once more into `chain` that was taken before. Throws BrokenRing as `readChain` does. */
  takeAgain(head: number, memory: GuestMemory, chain: Chain): void {
    readChain(this.#parts.descriptors, this.#size, head, memory, chain);
  }

  /**
   * Takes the next request into `chain` and gives its number for `complete`; nothing when there is none now. Throws
   * BrokenRing as `readChain` does, and when the guest says that more are there than the ring has.
   */
  take(memory: GuestMemory, chain: Chain): number | undefined {
    const waiting = (Atomics.load(this.#availableWords, 1) - this.#next) & 0xffff;
    if (waiting === 0) return undefined;
    if (waiting > this.#size) throw new BrokenRing(`${waiting} requests in a ring of ${this.#size}`);
    const head = this.#parts.available.getUint16(4 + 2 * (this.#next & (this.#size - 1)), true);
    readChain(this.#parts.descriptors, this.#size, head, memory, chain);
    this.#next = (this.#next + 1) & 0xffff;
    return head;
  }

  /** Gives a request back with `written` bytes in it; true when the guest wants to be called. */
  complete(head: number, written: number): boolean {
    const { used, available } = this.#parts;
    const at = 4 + 8 * (this.#done & (this.#size - 1));
    used.setUint32(at, head, true);
    used.setUint32(at + 4, written, true);
    const before = this.#done;
    this.#done = (this.#done + 1) & 0xffff;
    Atomics.store(this.#usedWords, 1, this.#done);
    if (!this.#hasEventIndex) return (available.getUint16(0, true) & 1) === 0;
    const wanted = Atomics.load(this.#availableWords, 2 + this.#size);
    return ((this.#done - wanted - 1) & 0xffff) < ((this.#done - before) & 0xffff);
  }

  /** Asks to be kicked for the next request; true when one came meanwhile, which nobody kicks for. */
  rearm(): boolean {
    // Four words for each used element, two before them.
    if (this.#hasEventIndex) Atomics.store(this.#usedWords, 2 + 4 * this.#size, this.#next);
    return Atomics.load(this.#availableWords, 1) !== this.#next;
  }
}

// --- internal ---

function wordsOf(view: DataView): Uint16Array {
  if (view.byteOffset % 2 !== 0) throw new BrokenRing("a ring at an odd address");
  return new Uint16Array(view.buffer, view.byteOffset, view.byteLength / 2);
}
