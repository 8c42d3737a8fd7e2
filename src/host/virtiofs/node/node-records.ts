/** A node as 16 words of the state's memory, and the way from a file's identity to it. */
import type { Block } from "../../../system/kernel/memory.ts";
import { head, nodesAt, nodesMax, nodeWords } from "./state-plan.ts";

/** A file for good: what is at a name later with other numbers is another file. */
export type Identity = {
  readonly device: number;
  readonly inodeLow: number;
  readonly inodeHigh: number;
  /** The upper four bits of the mode. */
  readonly type: number;
  readonly bornSeconds: number;
  readonly bornNanoseconds: number;
};

/** The node of the share's own folder, FUSE_ROOT_ID. */
export const rootNode = 1;

/** The words of a node. */
export const word = {
  generation: 0,
  parent: 1,
  /** The unit of its name. */
  name: 2,
  /** Whether it is used and has a name, its type, and the name's length. */
  kind: 3,
  lookups: 4,
  children: 5,
  inodeLow: 6,
  inodeHigh: 7,
  device: 8,
  bornSeconds: 9,
  bornNanoseconds: 10,
  next: 11,
  firstHandle: 12,
  /** Whose a socket is that can carry no attribute; a mode of 0 is that of no socket. */
  ownerUid: 13,
  ownerGid: 14,
  ownerMode: 15,
} as const;

/** Bits of a node's kind. */
export const USED = 0x80000000;
/** Its name leads nowhere any more. */
export const REMOVED = 0x40000000;
/** The name's length. */
export const LENGTH = 0x1ff;

const bucketsAtFirst = 1024;

/** The words of all nodes, and chains of those that hash alike; the chains' beginnings are this process' own. */
export class NodeRecords {
  readonly #words: Uint32Array;
  readonly #head: Uint32Array;
  #buckets = new Int32Array(bucketsAtFirst);

  constructor(state: Block) {
    this.#head = new Uint32Array(state.view.buffer, 0, 1024);
    this.#words = new Uint32Array(state.view.buffer, nodesAt, nodesMax * nodeWords);
  }

  get(slot: number, at: number): number {
    return this.#words[slot * nodeWords + at] ?? 0;
  }

  set(slot: number, at: number, value: number): void {
    this.#words[slot * nodeWords + at] = value;
  }

  isUsed(slot: number): boolean {
    return (this.get(slot, word.kind) & USED) !== 0;
  }

  /** One more than the highest slot that was ever used. */
  get end(): number {
    return this.#head[head.nodesEnd] ?? nodesMax;
  }

  set end(value: number) {
    this.#head[head.nodesEnd] = value;
  }

  /** The upper four bits of its mode. */
  typeOf(slot: number): number {
    return (this.get(slot, word.kind) >>> 16) & 0xf;
  }

  /** Whether a file is the one that the node stands for. */
  isSame(slot: number, identity: Identity): boolean {
    return (
      this.get(slot, word.inodeLow) === identity.inodeLow &&
      this.get(slot, word.inodeHigh) === identity.inodeHigh &&
      this.get(slot, word.device) === identity.device &&
      this.typeOf(slot) === identity.type &&
      this.get(slot, word.bornSeconds) === identity.bornSeconds &&
      this.get(slot, word.bornNanoseconds) === identity.bornNanoseconds
    );
  }

  /** The node of a file, whatever its name; 0 when it has none. */
  find(identity: Identity): number {
    let slot = this.#buckets[this.#bucketOf(identity.device, identity.inodeLow)] ?? 0;
    while (slot !== 0 && !this.isSame(slot, identity)) slot = this.get(slot, word.next);
    return slot;
  }

  /** Lets `find` find the node; `count` is how many there are with it. */
  link(slot: number, count: number): void {
    if (count > this.#buckets.length) this.linkAll(count);
    else this.#linkOne(slot);
  }

  /** Lets `find` no longer find it. */
  unlink(slot: number): void {
    const bucket = this.#bucketOf(this.get(slot, word.device), this.get(slot, word.inodeLow));
    const next = this.get(slot, word.next);
    let at = this.#buckets[bucket] ?? 0;
    if (at === slot) this.#buckets[bucket] = next;
    while (at !== 0 && this.get(at, word.next) !== slot) at = this.get(at, word.next);
    if (at !== 0) this.set(at, word.next, next);
  }

  /** Links all `count` nodes anew, with room for as many again. */
  linkAll(count: number): void {
    let buckets = bucketsAtFirst;
    while (buckets < count * 2) buckets *= 2;
    this.#buckets = new Int32Array(buckets);
    for (let slot = rootNode; slot < this.end; slot += 1) if (this.isUsed(slot)) this.#linkOne(slot);
  }

  #linkOne(slot: number): void {
    const bucket = this.#bucketOf(this.get(slot, word.device), this.get(slot, word.inodeLow));
    this.set(slot, word.next, this.#buckets[bucket] ?? 0);
    this.#buckets[bucket] = slot;
  }

  #bucketOf(device: number, inode: number): number {
    return (Math.imul(inode ^ Math.imul(device, 0x9e3779b1), 0x85ebca6b) >>> 7) & (this.#buckets.length - 1);
  }
}
