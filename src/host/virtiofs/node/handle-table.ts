/**
 * The files and folders that the guest has open. What a handle is stands in the state's memory, its descriptor in this
 * process. Of a killed process' handles those of files come back with their descriptors, which somebody has kept; a
 * folder is opened anew when it is needed.
 */
import { closeFd, O_DIRECTORY } from "../../../system/kernel/file-calls.ts";
import type { Block } from "../../../system/kernel/memory.ts";
import type { NodeTable } from "./node-table.ts";
import { handlesAt, handlesMax, handleWords, head } from "./state-plan.ts";

const EBADF = -9;
const ENFILE = -23;

const NODE = 0;
const FLAGS = 1;
const NEXT = 2;

/** The handles of one share; a handle's number in FUSE is its place here, from 1 on. */
export class HandleTable {
  readonly #words: Uint32Array;
  readonly #head: Uint32Array;
  readonly #nodes: NodeTable;
  readonly #fds = new Map<number, number>();
  readonly #positions = new Map<number, readonly [number, number]>();
  readonly #free: number[] = [];
  readonly #openMax: number;
  #count = 0;

  /** Told of each file that is opened, and of its end. */
  onOpened: (handle: number, fd: number) => void = () => {};
  onClosed: (handle: number) => void = () => {};

  /** Takes over what is in the state; at most `openMax` may be open at once. */
  constructor(state: Block, nodes: NodeTable, openMax: number) {
    this.#head = new Uint32Array(state.view.buffer, 0, 1024);
    this.#words = new Uint32Array(state.view.buffer, handlesAt, handlesMax * handleWords);
    this.#nodes = nodes;
    this.#openMax = Math.min(openMax, handlesMax - 1);
    if (this.#head[head.handlesEnd] === 0) this.#head[head.handlesEnd] = 1;
    for (let handle = 1; handle < (this.#head[head.handlesEnd] ?? 1); handle += 1) {
      const node = this.nodeOf(handle);
      if (node === 0) this.#free.push(handle);
      else this.#link(handle, node);
    }
  }

  /** How many are open. */
  get count(): number {
    return this.#count;
  }

  /** Whether one more may be opened. */
  get hasRoom(): boolean {
    return this.#count < this.#openMax;
  }

  /** A handle for an open descriptor, which is closed with it; ENFILE when there are too many, and `fd` is closed. */
  add(node: number, fd: number, flags: number): number {
    const end = this.#head[head.handlesEnd] ?? 1;
    const handle = this.#free.pop() ?? (end < handlesMax ? end : 0);
    if (handle === 0 || !this.hasRoom) {
      if (handle !== 0 && handle !== end) this.#free.push(handle);
      closeFd(fd);
      return ENFILE;
    }
    if (handle === end) this.#head[head.handlesEnd] = end + 1;
    this.#words[handle * handleWords + FLAGS] = flags;
    this.#words[handle * handleWords + NODE] = node;
    this.#fds.set(handle, fd);
    this.#link(handle, node);
    if ((flags & O_DIRECTORY) === 0) this.onOpened(handle, fd);
    return handle;
  }

  /** Takes the descriptor that a killed process had of a handle. False, and it is closed, where that is closed too. */
  takeBack(handle: number, fd: number): boolean {
    if (this.nodeOf(handle) === 0) closeFd(fd);
    else this.#fds.set(handle, fd);
    return this.nodeOf(handle) !== 0;
  }

  /** The node that it is open on; 0 when there is no such handle. */
  nodeOf(handle: number): number {
    return handle > 0 && handle < handlesMax ? (this.#words[handle * handleWords + NODE] ?? 0) : 0;
  }

  /** The flags that it was opened with. */
  flagsOf(handle: number): number {
    return this.#words[handle * handleWords + FLAGS] ?? 0;
  }

  /** Its descriptor. `reopen` gives one where a killed process had it; EBADF when there is no such handle. */
  fdOf(handle: number, reopen: (node: number, flags: number) => number): number {
    const fd = this.#fds.get(handle);
    if (fd !== undefined) return fd;
    const node = this.nodeOf(handle);
    if (node === 0) return EBADF;
    const opened = reopen(node, this.flagsOf(handle));
    if (opened >= 0) this.#fds.set(handle, opened);
    return opened;
  }

  /** A descriptor of any handle that is open on the node; below zero when this process has none. */
  fdOfNode(node: number): number {
    for (let handle = this.#nodes.firstHandleOf(node); handle !== 0; handle = this.#nextOf(handle)) {
      const fd = this.#fds.get(handle);
      if (fd !== undefined) return fd;
    }
    return EBADF;
  }

  /** Closes it; gives the node that it was open on, or 0. */
  remove(handle: number): number {
    const node = this.nodeOf(handle);
    if (node === 0) return 0;
    this.#words[handle * handleWords + NODE] = 0;
    this.#unlink(handle, node);
    const fd = this.#fds.get(handle);
    if (fd !== undefined) closeFd(fd);
    this.#fds.delete(handle);
    if ((this.flagsOf(handle) & O_DIRECTORY) === 0) this.onClosed(handle);
    this.#positions.delete(handle);
    this.#free.push(handle);
    this.#count -= 1;
    return node;
  }

  /** Closes all. */
  removeAll(): void {
    for (let handle = 1; handle < (this.#head[head.handlesEnd] ?? 1); handle += 1) this.remove(handle);
  }

  /** Where a folder's descriptor stands, as the two halves of an offset; the beginning at first. */
  positionOf(handle: number): readonly [number, number] {
    return this.#positions.get(handle) ?? [0, 0];
  }

  setPosition(handle: number, position: readonly [number, number]): void {
    this.#positions.set(handle, position);
  }

  #link(handle: number, node: number): void {
    this.#words[handle * handleWords + NEXT] = this.#nodes.firstHandleOf(node);
    this.#nodes.setFirstHandle(node, handle);
    this.#count += 1;
  }

  #unlink(handle: number, node: number): void {
    const next = this.#nextOf(handle);
    let at = this.#nodes.firstHandleOf(node);
    if (at === handle) this.#nodes.setFirstHandle(node, next);
    else {
      while (at !== 0 && this.#nextOf(at) !== handle) at = this.#nextOf(at);
      if (at !== 0) this.#words[at * handleWords + NEXT] = next;
    }
  }

  #nextOf(handle: number): number {
    return this.#words[handle * handleWords + NEXT] ?? 0;
  }
}
