/**
 * Sockets that containers have made in a share and that answer programs of this machine: each is a listener that
 * somebody else holds (holder.ts), and a node whose owner is kept in the state, since a socket carries no attribute.
 */
import { closeFd, statFd } from "../../../system/kernel/file-calls.ts";
import { allocate } from "../../../system/kernel/memory.ts";
import { statxBytes } from "../../../system/kernel/statx.ts";
import type { NodeTable } from "../node/node-table.ts";
import type { Owner } from "../node/owner.ts";
import { fileType, identityIn } from "../node/stat.ts";

/** Those of one share, by their nodes. */
export class Listeners {
  readonly #nodes: NodeTable;
  readonly #max: number;
  readonly #slots = new Set<number>();
  readonly #stat = allocate(statxBytes);

  /** Told of each that is made: its listener, and a descriptor (O_PATH) of its file; and of its end. */
  onOpened: (slot: number, fds: readonly [listener: number, file: number]) => void = () => {};
  onClosed: (slot: number) => void = () => {};

  /** At most `max` of them: each costs this machine a listener, and a guest can make files without end. */
  constructor(nodes: NodeTable, max: number) {
    this.#nodes = nodes;
    this.#max = max;
  }

  /** Whether one more may be made. */
  get hasRoom(): boolean {
    return this.#slots.size < this.#max;
  }

  /** Gives a node its listener. False where what is at its name is no socket any more. */
  add(slot: number, fds: readonly [listener: number, file: number]): boolean {
    if (!this.#isOf(slot, fds[1])) return false;
    this.#slots.add(slot);
    this.onOpened(slot, fds);
    return true;
  }

  /** Takes back what a killed process had made, and closes the descriptor. False where the node is another by now. */
  takeBack(slot: number, file: number): boolean {
    const isIts = this.#isOf(slot, file);
    closeFd(file);
    if (isIts) this.#slots.add(slot);
    return isIts;
  }

  /**
   * Nobody in the guest knows the node any more, and so nobody listens there: Linux keeps a socket's as long as it is
   * bound (unix_sock's path), and forgets it at once then where its name is gone.
   */
  remove(slot: number): void {
    if (this.#slots.delete(slot)) this.onClosed(slot);
  }

  /** Whose the socket is, of which the host says `stat`; nothing for one that has no listener, or nothing kept. */
  ownerOf(stat: DataView): Owner | undefined {
    const slot = this.#slotOf(stat);
    return slot === 0 ? undefined : this.#nodes.ownerOf(slot);
  }

  /** Keeps whose it is. False where it has no listener. */
  setOwner(stat: DataView, owner: Owner): boolean {
    const slot = this.#slotOf(stat);
    if (slot !== 0) this.#nodes.setOwner(slot, owner);
    return slot !== 0;
  }

  #slotOf(stat: DataView): number {
    if (this.#slots.size === 0) return 0;
    const identity = identityIn(stat);
    const slot = identity.type === fileType.socket ? this.#nodes.find(identity) : 0;
    return this.#slots.has(slot) ? slot : 0;
  }

  #isOf(slot: number, file: number): boolean {
    if (statFd(file, this.#stat.address) < 0 || !this.#nodes.isUsed(slot)) return false;
    const identity = identityIn(this.#stat.view);
    return identity.type === fileType.socket && this.#nodes.isSame(slot, identity);
  }
}
