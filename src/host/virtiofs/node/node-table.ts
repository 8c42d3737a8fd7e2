/**
 * What the guest's kernel knows of a share's files: each node is a (parent, name) and the identity of the file that was
 * there. It holds no descriptors, so that a million files need none. All of it lies in the state's memory.
 */
import type { Block } from "../../../system/kernel/memory.ts";
import { NameStore } from "./name-store.ts";
import type { Owner } from "./owner.ts";
import { type Identity, LENGTH, NodeRecords, REMOVED, rootNode, USED, word } from "./node-records.ts";
import { head, nodesMax, stateVersion } from "./state-plan.ts";

/** Lookups are counted up to here, and no more given back from here on. */
const lookupsMax = 0xffffffff;

/** The nodes of one share. A node is named by its slot; generations keep the numbers of forgotten ones apart. */
export class NodeTable {
  readonly #records: NodeRecords;
  readonly #names: NameStore;
  #free: number[] = [];
  #count = 0;

  /** Takes over what is in the state, which is empty at first. Throws when another version made it. */
  constructor(state: Block) {
    const words = new Uint32Array(state.view.buffer, 0, 1024);
    if (words[head.version] === 0) {
      words[head.version] = stateVersion;
      words[head.nodesEnd] = rootNode;
    }
    if (words[head.version] !== stateVersion) throw new Error("a state of another version");
    this.#records = new NodeRecords(state);
    this.#names = new NameStore(state);
    this.#takeOver();
  }

  /** How many nodes there are. */
  get count(): number {
    return this.#count;
  }

  /** Makes the share's own folder a node; it is never forgotten. */
  makeRoot(identity: Identity): void {
    if (this.isUsed(rootNode)) return;
    if (this.add(0, 0, 0, identity) !== rootNode) throw new Error("the root is not the first node");
    this.#records.set(rootNode, word.lookups, lookupsMax);
  }

  /** The slot that a node's number in FUSE names; 0 when there is no such node. */
  slotOf(low: number, high: number): number {
    return low < nodesMax && this.isUsed(low) && this.generationOf(low) === high ? low : 0;
  }

  /** The upper half of a node's number; the slot is the lower. */
  generationOf(slot: number): number {
    return this.#records.get(slot, word.generation);
  }

  isUsed(slot: number): boolean {
    return this.#records.isUsed(slot);
  }

  parentOf(slot: number): number {
    return this.#records.get(slot, word.parent);
  }

  /** The upper four bits of its mode. */
  typeOf(slot: number): number {
    return this.#records.typeOf(slot);
  }

  /** The address of its name, which ends with a zero byte. */
  nameOf(slot: number): number {
    return this.#names.addressOf(this.#records.get(slot, word.name));
  }

  /** Whether a file is the one that the node stands for. */
  isSame(slot: number, identity: Identity): boolean {
    return this.#records.isSame(slot, identity);
  }

  /** The node of a file, whatever its name; 0 when it has none. */
  find(identity: Identity): number {
    return this.#records.find(identity);
  }

  /** A new node without lookups; `name` is the address of `length` bytes. 0 when there are too many. */
  add(parent: number, name: number, length: number, identity: Identity): number {
    const slot = this.#free.pop() ?? this.#atEnd();
    const unit = slot === 0 ? 0 : this.#names.add(name, length);
    if (unit === 0) {
      if (slot !== 0) this.#free.push(slot);
      return 0;
    }
    const records = this.#records;
    records.set(slot, word.parent, parent);
    records.set(slot, word.name, unit);
    records.set(slot, word.lookups, 0);
    records.set(slot, word.children, 0);
    records.set(slot, word.inodeLow, identity.inodeLow);
    records.set(slot, word.inodeHigh, identity.inodeHigh);
    records.set(slot, word.device, identity.device);
    records.set(slot, word.bornSeconds, identity.bornSeconds);
    records.set(slot, word.bornNanoseconds, identity.bornNanoseconds);
    records.set(slot, word.firstHandle, 0);
    records.set(slot, word.ownerMode, 0);
    // Last: a process that is killed before leaves no half of a node.
    records.set(slot, word.kind, USED | (identity.type << 16) | length);
    this.#count += 1;
    if (parent !== 0) records.set(parent, word.children, records.get(parent, word.children) + 1);
    records.link(slot, this.#count);
    return slot;
  }

  /** Whether the node is known by this very name, the `length` bytes at `from` of `bytes`. */
  isAt(slot: number, parent: number, bytes: Uint8Array, from: number, length: number): boolean {
    if (this.isRemoved(slot) || this.parentOf(slot) !== parent || this.#lengthOf(slot) !== length) return false;
    return this.#names.isSame(this.#records.get(slot, word.name), bytes, from, length);
  }

  /** The node is at another name from now on. False when there is no room for names any more. */
  move(slot: number, parent: number, name: number, length: number): boolean {
    if (slot === rootNode) return true;
    const records = this.#records;
    const unit = this.#names.add(name, length);
    if (unit === 0) return false;
    const before = this.parentOf(slot);
    this.#names.remove(records.get(slot, word.name), this.#lengthOf(slot));
    records.set(slot, word.name, unit);
    records.set(slot, word.parent, parent);
    records.set(slot, word.kind, (records.get(slot, word.kind) & ~LENGTH) | length);
    records.set(parent, word.children, records.get(parent, word.children) + 1);
    this.#dropChild(before);
    return true;
  }

  /** Counts a lookup, which the guest gives back by `forget`. */
  addLookup(slot: number): void {
    const lookups = this.#records.get(slot, word.lookups);
    if (lookups < lookupsMax) this.#records.set(slot, word.lookups, lookups + 1);
  }

  /** Gives lookups back; calls `onGone` for each node that is gone then: itself, and parents that waited for it. */
  forget(slot: number, lookups: number, onGone: (slot: number) => void): void {
    const before = this.#records.get(slot, word.lookups);
    if (before === lookupsMax) return;
    this.#records.set(slot, word.lookups, Math.max(0, before - lookups));
    this.release(slot, onGone);
  }

  /** All nodes but the root are gone. */
  forgetAll(onGone: (slot: number) => void): void {
    const { end } = this.#records;
    for (let slot = rootNode + 1; slot < end; slot += 1) if (this.isUsed(slot)) this.forget(slot, lookupsMax, onGone);
    // A count that had run full is given back by nobody.
    for (let slot = rootNode + 1; slot < end; slot += 1) {
      if (!this.isUsed(slot)) continue;
      this.#records.set(slot, word.lookups, 0);
      this.release(slot, onGone);
    }
  }

  /** Removes the node if nobody needs it: no lookup, no child, no handle. */
  release(slot: number, onGone: (slot: number) => void): void {
    const records = this.#records;
    for (let at = slot; at !== 0;) {
      const uses = records.get(at, word.lookups) + records.get(at, word.children) + this.firstHandleOf(at);
      if (!this.isUsed(at) || uses > 0) return;
      const parent = this.parentOf(at);
      records.unlink(at);
      this.#names.remove(records.get(at, word.name), this.#lengthOf(at));
      records.set(at, word.kind, 0);
      records.set(at, word.generation, (this.generationOf(at) + 1) >>> 0);
      this.#free.push(at);
      this.#count -= 1;
      onGone(at);
      this.#dropChild(parent);
      at = parent;
    }
  }

  /** The latest of the node's open handles; 0 when there is none. */
  firstHandleOf(slot: number): number {
    return this.#records.get(slot, word.firstHandle);
  }

  setFirstHandle(slot: number, handle: number): void {
    this.#records.set(slot, word.firstHandle, handle);
  }

  /** The node's name leads nowhere any more: it is reached by descriptors that are held, and by nothing else. */
  markRemoved(slot: number): void {
    this.#records.set(slot, word.kind, this.#records.get(slot, word.kind) | REMOVED);
  }

  isRemoved(slot: number): boolean {
    return (this.#records.get(slot, word.kind) & REMOVED) !== 0;
  }

  /** The node has a name again. */
  markNamed(slot: number): void {
    this.#records.set(slot, word.kind, this.#records.get(slot, word.kind) & ~REMOVED);
  }

  /** Whether `folder` is the node or lies above it, as far as nodes know. */
  isAbove(folder: number, slot: number): boolean {
    for (let at = slot, steps = 0; at !== 0 && steps < nodesMax; steps += 1, at = this.parentOf(at))
      if (at === folder) return true;
    return false;
  }

  /** Whose the node's file is in containers, where that was set. */
  ownerOf(slot: number): Owner | undefined {
    const mode = this.#records.get(slot, word.ownerMode);
    if (mode === 0) return undefined;
    const [uid, gid] = [this.#records.get(slot, word.ownerUid), this.#records.get(slot, word.ownerGid)];
    return { uid, gid, mode, device: 0 };
  }

  setOwner(slot: number, { uid, gid, mode }: Owner): void {
    this.#records.set(slot, word.ownerMode, 0);
    this.#records.set(slot, word.ownerUid, uid);
    this.#records.set(slot, word.ownerGid, gid);
    // Last: a process that is killed before leaves no half of an owner.
    this.#records.set(slot, word.ownerMode, mode);
  }

  #lengthOf(slot: number): number {
    return this.#records.get(slot, word.kind) & LENGTH;
  }

  #dropChild(parent: number): void {
    if (parent === 0) return;
    this.#records.set(parent, word.children, Math.max(0, this.#records.get(parent, word.children) - 1));
  }

  #atEnd(): number {
    const { end } = this.#records;
    if (end >= nodesMax) return 0;
    this.#records.end = end + 1;
    return end;
  }

  /** Counts of children, chains and free slots are made anew: a killed process may have left them half done. */
  #takeOver(): void {
    const records = this.#records;
    for (let slot = rootNode; slot < records.end; slot += 1) {
      records.set(slot, word.children, 0);
      records.set(slot, word.firstHandle, 0);
    }
    for (let slot = rootNode; slot < records.end; slot += 1) {
      if (!this.isUsed(slot)) {
        this.#free.push(slot);
        continue;
      }
      this.#count += 1;
      const parent = this.parentOf(slot);
      if (parent !== 0) records.set(parent, word.children, records.get(parent, word.children) + 1);
    }
    records.linkAll(this.#count);
  }
}
