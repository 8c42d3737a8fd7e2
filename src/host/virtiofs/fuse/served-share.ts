/** What every request of a share works with: its nodes, handles and descriptors, and the memory for one request. */
import {
  AT_FDCWD,
  O_DIRECTORY,
  openAt,
  O_NOATIME,
  reopenFd,
  statAt,
  statFd,
} from "../../../system/kernel/file-calls.ts";
import { O_PATH } from "../../../system/kernel/libc.ts";
import { allocate, type Block } from "../../../system/kernel/memory.ts";
import { statxBytes } from "../../../system/kernel/statx.ts";
import { listenersMaxOf, partOf } from "../descriptor-parts.ts";
import { HandleTable } from "../node/handle-table.ts";
import { NodeDescriptors } from "../node/node-descriptors.ts";
import { NodeTable } from "../node/node-table.ts";
import { devicesMax, head } from "../node/state-plan.ts";
import { deviceIn, identityIn } from "../node/stat.ts";
import { Segments } from "../ring/segments.ts";
import { type Lifetime, writeEntry } from "./attributes.ts";
import { Call } from "./call.ts";
import { Listeners } from "./listeners.ts";
import { type Owners, ownersFor } from "./owners.ts";
import { type SlowSync, SlowSyncs } from "./slow-syncs.ts";
import { entryBytes, errors, replyHeader } from "./wire.ts";

/** What a share is served with. */
export type ShareOptions = {
  readonly path: string;
  readonly readOnly: boolean;
  /** How long the guest may believe what it knows. */
  readonly names: Lifetime;
  readonly attributes: Lifetime;
  /** Whether sockets that containers make answer programs of this machine. */
  readonly answers: boolean;
  /** How many descriptors this process may have. */
  readonly descriptorsMax: number;
};

/** A request, how often it was begun, and, once it was answered, with how many bytes. */
export type UnderWay = {
  readonly uniqueLow: number;
  readonly uniqueHigh: number;
  readonly attempts: number;
  readonly written: number | undefined;
};

/** A request without a write's data: a value of an extended attribute is the longest that it has. */
const requestBytes = 80 * 1024;
const replyBytes = 72 * 1024;
const vectorsBytes = 1024 * 16;

/** One share as it is served. */
export class ServedShare {
  readonly options: ShareOptions;
  readonly state: Block;
  readonly words: Uint32Array;
  readonly nodes: NodeTable;
  readonly handles: HandleTable;
  readonly descriptors: NodeDescriptors;
  readonly request = allocate(requestBytes);
  readonly reply = allocate(replyBytes);
  readonly stat = allocate(statxBytes);
  readonly scratch = allocate(requestBytes);
  readonly vectors = allocate(vectorsBytes);
  readonly call = new Call(this.request);
  readonly readable = new Segments();
  readonly writable = new Segments();
  readonly listeners: Listeners;
  readonly owners: Owners;
  readonly root: number;
  readonly syncs: SlowSyncs;
  /** Set when the answer comes later, and whose that is: the request's ring, and its number there. */
  isLater = false;
  origin = { ring: 0, head: 0 };
  /** Asks for what was noted in `syncs`; `fd` is what nobody else has open. */
  onSync: (place: number, sync: SlowSync, fd?: number) => void = () => {};
  /** How many requests, and entries of folders, since somebody has set it to 0. */
  steps = 0;
  /** Set by who has put the answer into the guest's memory itself. */
  isDirect = false;
  /** The request that a killed process was at, until it comes again. */
  underWay: UnderWay | undefined;
  /** Set where the request was begun before by a process that was killed: what is done already is no error then. */
  isAgain = false;

  /** Opens the share's folder and takes over the state. Throws when there is no such folder. */
  constructor(options: ShareOptions, state: Block) {
    this.options = options;
    this.state = state;
    this.words = new Uint32Array(state.view.buffer, 0, 1024);
    this.syncs = new SlowSyncs(this.words);
    this.request.bytes.set(Buffer.from(`${options.path}\0`));
    this.root = openAt(AT_FDCWD, this.request.address, O_PATH | O_DIRECTORY);
    const status = this.root < 0 ? this.root : statFd(this.root, this.stat.address);
    if (status < 0) throw new Error(`${options.path}: error ${-status}`);
    this.nodes = new NodeTable(state);
    const answers = options.answers && !options.readOnly;
    this.listeners = new Listeners(this.nodes, answers ? listenersMaxOf(options.descriptorsMax) : 0);
    this.owners = ownersFor(process.getuid?.() ?? 0, this.listeners);
    this.underWay = underWayIn(this.words);
    this.nodes.makeRoot(identityIn(this.stat.view));
    this.deviceIndex(deviceIn(this.stat.view));
    const part = partOf(options.descriptorsMax);
    this.descriptors = new NodeDescriptors(this.nodes, this.root, part);
    this.handles = new HandleTable(state, this.nodes, Math.max(part, options.descriptorsMax - 3 * part));
    this.descriptors.handleFd = (slot) => {
      const fd = this.handles.fdOfNode(slot);
      return fd < 0 ? errors.ESTALE : fd;
    };
  }

  /** The node that the request is about; 0 when there is none such. */
  get node(): number {
    return this.nodes.slotOf(this.call.nodeLow, this.call.nodeHigh);
  }

  /** A descriptor of the request's node. */
  get nodeFd(): number {
    const slot = this.node;
    return slot === 0 ? errors.ESTALE : this.descriptors.of(slot);
  }

  /** Writes into `stat` what a descriptor stands for, as containers see it. */
  look(fd: number): number {
    const status = statFd(fd, this.stat.address);
    if (status >= 0) this.owners.see(fd, this.stat.view);
    return status;
  }

  /** A descriptor of a handle, opened anew where a killed process had it. */
  handleFd(handle: number): number {
    return this.handles.fdOf(handle, this.#reopen);
  }

  /** Puts the request aside until what it is about is on the disk. False when so many wait already. */
  syncLater(handle: number, kind: number, fd?: number): boolean {
    const { uniqueLow, uniqueHigh } = this.call;
    const sync = { ...this.origin, uniqueLow, uniqueHigh, handle, kind };
    const place = this.syncs.add(sync);
    if (place === undefined) return false;
    this.isLater = true;
    this.onSync(place, sync, fd);
    return true;
  }

  readonly deviceIndex = (device: number): number => {
    const count = this.words[head.devicesCount] ?? 0;
    for (let index = 0; index < count; index += 1) if (this.words[head.devices + index] === device) return index;
    if (count >= devicesMax) return devicesMax;
    this.words[head.devices + count] = device;
    this.words[head.devicesCount] = count + 1;
    return count;
  };

  /**
   * Looks a name up, counts the lookup, and writes struct fuse_entry_out at `at` of the answer. The name is the
   * `length` bytes at `from` of `block`, checked before. Gives the node's slot or an error's number below zero.
   */
  enter(parent: number, parentFd: number, block: Block, from: number, length: number, at = replyHeader): number {
    this.steps += 1;
    const status = statAt(parentFd, block.address + from, this.stat.address);
    if (status < 0) return status;
    const identity = identityIn(this.stat.view);
    let slot = this.nodes.find(identity);
    if (slot === 0) slot = this.nodes.add(parent, block.address + from, length, identity);
    else if (!this.nodes.isAt(slot, parent, block.bytes, from, length)) {
      // A folder that is mounted below itself on the host.
      if (this.nodes.isAbove(slot, parent)) return errors.ELOOP;
      if (!this.nodes.move(slot, parent, block.address + from, length)) return errors.ENFILE;
      if (this.nodes.isRemoved(slot)) this.named(slot);
    }
    if (slot === 0) return errors.ENFILE;
    this.nodes.addLookup(slot);
    // What is kept of an owner is read of the very file: another may be at the name by now.
    if (this.owners.isKeptAt(parentFd, block.address + from, length, this.stat.view))
      this.descriptors.once(slot, (fd) => fd >= 0 && this.look(fd));
    this.writeEntry(slot, at);
    return slot;
  }

  /** Writes struct fuse_entry_out of a node, of which `stat` is, at `at` of the answer. */
  writeEntry(slot: number, at: number): void {
    const { names, attributes } = this.options;
    const entry = { slot, generation: this.nodes.generationOf(slot), names, attributes };
    writeEntry(this.reply.view, at, this.stat.view, this.deviceIndex, entry);
  }

  /** The answer of what makes a name: its entry, or the error. */
  entered(slot: number): number {
    return slot < 0 ? slot : entryBytes;
  }

  /** A node has a name again: nothing need be held for it. */
  named(slot: number): void {
    this.nodes.markNamed(slot);
    this.descriptors.drop(slot);
  }

  /** Closes all handles and forgets all nodes but the root. */
  forgetAll(): void {
    this.handles.removeAll();
    this.nodes.forgetAll(this.onGone);
  }

  /** Forgets what is gone with a node. */
  readonly onGone = (slot: number): void => {
    this.descriptors.drop(slot);
    this.listeners.remove(slot);
  };

  readonly #reopen = (node: number, flags: number): number => {
    const fd = this.descriptors.of(node);
    return fd < 0 ? fd : reopenFd(fd, flags & ~O_NOATIME);
  };
}

// --- internal ---

function underWayIn(words: Uint32Array): UnderWay | undefined {
  if (words[head.isInitialized] !== 1) return undefined;
  return {
    uniqueLow: words[head.uniqueLow] ?? 0,
    uniqueHigh: words[head.uniqueHigh] ?? 0,
    attempts: words[head.attempts] ?? 0,
    written: words[head.answered] === 1 ? words[head.written] : undefined,
  };
}
