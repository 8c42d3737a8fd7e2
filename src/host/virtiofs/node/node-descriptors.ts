/**
 * A descriptor (O_PATH) for a node when one is needed: a few are kept, the least used are closed, and each that is
 * opened anew is checked to be the very file that the node stands for.
 */
import { closeFd, O_NOFOLLOW, openAt, statFd } from "../../../system/kernel/file-calls.ts";
import { O_PATH } from "../../../system/kernel/libc.ts";
import { allocate } from "../../../system/kernel/memory.ts";
import { statxBytes } from "../../../system/kernel/statx.ts";
import { rootNode } from "./node-records.ts";
import type { NodeTable } from "./node-table.ts";
import { identityIn } from "./stat.ts";

const ENOENT = -2;
const ESTALE = -116;

/** The descriptors of one share. */
export class NodeDescriptors {
  readonly #nodes: NodeTable;
  readonly #root: number;
  readonly #kept: { slot: number; fd: number; wasUsed: boolean }[] = [];
  readonly #indexes = new Map<number, number>();
  readonly #pinned = new Map<number, number>();
  readonly #held: number[] = [];
  readonly #max: number;
  readonly #pinnedMax: number;
  readonly #stat = allocate(statxBytes);
  #hand = 0;
  /** A descriptor of a node that has a file open; below zero when there is none. */
  handleFd: (slot: number) => number = () => ESTALE;

  /** `root` stands for the share's folder; at most `max` others are kept, and as many pinned. */
  constructor(nodes: NodeTable, root: number, max: number) {
    this.#nodes = nodes;
    this.#root = root;
    this.#max = max;
    this.#pinnedMax = max;
  }

  /** How many descriptors are in use. */
  get count(): number {
    return this.#indexes.size + this.#pinned.size;
  }

  /**
   * A descriptor of the node, good until `endRequest`; an error's number below zero when what is at its name is another
   * file, or nothing (ESTALE: Linux then looks the name up again).
   */
  of(slot: number): number {
    if (slot === rootNode) return this.#root;
    const fd = this.#pinned.get(slot) ?? this.#known(slot);
    if (fd !== undefined) return fd;
    if (this.#nodes.isRemoved(slot)) return this.handleFd(slot);
    const opened = this.#open(slot);
    return opened === ESTALE ? this.handleFd(slot) : opened;
  }

  /**
   * Keeps a descriptor of the node until it is forgotten, since its name is about to go; no more than there is room
   * for.
   */
  pin(slot: number): void {
    if (slot === rootNode || this.#pinned.has(slot) || this.#pinned.size >= this.#pinnedMax) return;
    const fd = this.of(slot);
    const index = this.#indexes.get(slot);
    if (fd < 0 || index === undefined) return;
    this.#indexes.delete(slot);
    this.#pinned.set(slot, fd);
    this.#leaveRoom(index);
  }

  /** Keeps a descriptor that the caller has opened for a file without a name, or closes it where there is no room. */
  pinOpened(slot: number, fd: number): void {
    if (fd < 0) return;
    if (this.#pinned.size >= this.#pinnedMax) closeFd(fd);
    else this.#pinned.set(slot, fd);
  }

  /** The node is forgotten, or has a name again: its descriptor need not be kept. */
  drop(slot: number): void {
    const pinned = this.#pinned.get(slot);
    if (pinned !== undefined) closeFd(pinned);
    this.#pinned.delete(slot);
    const index = this.#indexes.get(slot);
    if (index === undefined) return;
    this.#indexes.delete(slot);
    const kept = this.#kept[index];
    if (kept !== undefined) closeFd(kept.fd);
    this.#leaveRoom(index);
  }

  /** Lends a node's descriptor, or an error's number, for as long as `act` takes. */
  once(slot: number, act: (fd: number) => void): void {
    const { length } = this.#held;
    act(this.of(slot));
    this.#held.length = length;
  }

  /** What `of` has given may be closed from now on. */
  endRequest(): void {
    this.#held.length = 0;
  }

  #known(slot: number): number | undefined {
    const index = this.#indexes.get(slot);
    const kept = index === undefined ? undefined : this.#kept[index];
    if (kept === undefined) return undefined;
    kept.wasUsed = true;
    this.#held.push(slot);
    return kept.fd;
  }

  /** From the nearest folder that is open down to the node, one name after the other, never through a link. */
  #open(slot: number): number {
    const way: number[] = [];
    let folder = slot;
    while (folder !== rootNode && folder !== 0 && !this.#indexes.has(folder) && !this.#pinned.has(folder)) {
      if (this.#nodes.isRemoved(folder)) return ESTALE;
      way.push(folder);
      folder = this.#nodes.parentOf(folder);
    }
    if (folder === 0) return ESTALE;
    let fd = folder === rootNode ? this.#root : (this.#pinned.get(folder) ?? this.#known(folder) ?? ESTALE);
    for (const next of way.toReversed()) {
      fd = openAt(fd, this.#nodes.nameOf(next), O_PATH | O_NOFOLLOW);
      if (fd < 0) return fd === ENOENT ? ESTALE : fd;
      const status = statFd(fd, this.#stat.address);
      if (status < 0 || !this.#nodes.isSame(next, identityIn(this.#stat.view))) {
        closeFd(fd);
        return ESTALE;
      }
      this.#keep(next, fd);
    }
    this.#held.push(slot);
    return fd;
  }

  #keep(slot: number, fd: number): void {
    const index =
      this.#kept.length < this.#max ? this.#kept.push({ slot: 0, fd: -1, wasUsed: false }) - 1 : this.#oldest();
    const place = this.#kept[index];
    if (place === undefined) return;
    if (place.slot !== 0) {
      this.#indexes.delete(place.slot);
      closeFd(place.fd);
    }
    Object.assign(place, { slot, fd, wasUsed: true });
    this.#indexes.set(slot, index);
  }

  /** Second chance: the first that was not used since the hand passed it, and that this request does not hold. */
  #oldest(): number {
    for (;;) {
      this.#hand = (this.#hand + 1) % this.#kept.length;
      const kept = this.#kept[this.#hand];
      if (kept === undefined || kept.slot === 0) return this.#hand;
      if (!kept.wasUsed && !this.#held.includes(kept.slot)) return this.#hand;
      kept.wasUsed = false;
    }
  }

  #leaveRoom(index: number): void {
    const kept = this.#kept[index];
    if (kept !== undefined) Object.assign(kept, { slot: 0, fd: -1, wasUsed: false });
  }
}
