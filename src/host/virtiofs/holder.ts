/**
 * Who holds a share: QEMU's connection, the guest's memory, the rings' descriptors and the state, and starts a worker
 * on them. A worker that dies, however, is followed by another over the living connection: the guest waits a moment,
 * where it would wait without end for a connection that QEMU never makes again.
 */
import { fdatasync, fsync, rmSync, statSync } from "node:fs";
import { listenAt, memoryFile, socketPair } from "../../system/kernel/descriptors.ts";
import { pause } from "../../system/clock.ts";
import { closeFd } from "../../system/kernel/file-calls.ts";
import { allocate } from "../../system/kernel/memory.ts";
import { packets } from "../../system/kernel/packets.ts";
import { Answering, type AnsweringOptions } from "./answering.ts";
import { syncKind } from "./fuse/slow-syncs.ts";
import { stateBytes } from "./node/state-plan.ts";
import {
  keys,
  listenerOf,
  notKept,
  packet,
  packetHead,
  packetHeadIn,
  packetMax,
  syncBytes,
  type SyncWords,
  syncWordsIn,
  writePacketHead,
  writeSyncWords,
} from "./store-wire.ts";

/** Where a worker finds what it is started with, behind standard input, output and error. */
export const workerFds = { listener: 3, store: 4, state: 5 } as const;

/** What a worker writes to its output when it serves, and whenever it has sent a packet. */
export const workerSigns = { ready: "r", sent: "." } as const;

const EIO = 5;

/**
 * After so long another worker follows one that has died before it served. Where there is a guest that waits, what this
 * machine had too little of may be there again by then.
 */
const pausesMs = { beforeQemu: [0, 0], withQemu: [0, 0, 1_000, 2_000, 4_000, 8_000, 16_000] } as const;

/** How a share is held. */
export type HoldOptions = {
  /** Starts a worker. */
  readonly command: readonly string[];
  /** Brings the file system of its standard input to the disk; its exit status is 0, or the error's number. */
  readonly syncCommand: readonly string[];
  readonly socketPath: string;
  /** Resolves when whoever has started this is gone: nobody else knows of a QEMU that may come. */
  readonly starterGone: Promise<unknown>;
  /** Who answers at sockets that containers make in the share; nothing where none of them answers. */
  readonly answering: AnsweringOptions | undefined;
  readonly warn: (text: string) => void;
};

/**
 * Holds the share until QEMU has hung up, or its starter is gone before QEMU has come. False when workers die before
 * they serve. Throws when nothing can be made.
 */
export async function holdShare(options: HoldOptions): Promise<boolean> {
  const { command, socketPath, starterGone, warn } = options;
  const listener = listenAt(socketPath);
  // Nobody else's number as long as the listener is open. Where QEMU dies at once, the next server's socket may be
  // there by now.
  const { ino } = statSync(socketPath);
  const isOwn = (): boolean => statSync(socketPath, { throwIfNoEntry: false })?.ino === ino;
  const state = memoryFile(stateBytes);
  using answering = options.answering && new Answering(options.answering);
  const store = new DescriptorStore({ ...options, answering }, (key) => {
    // One QEMU is all that there is to serve.
    if (key === keys.connection && isOwn()) rmSync(socketPath, { force: true });
  });
  // Whether QEMU has come just now is the worker's to say, who accepts it.
  void starterGone.then(() => store.waitNoLonger());
  for (let failures = 0; ; failures += 1) {
    if (failures > 0) {
      const pauseMs = pausesMs[store.hasQemu ? "withQemu" : "beforeQemu"][failures - 1];
      if (pauseMs === undefined) return false;
      await pause(pauseMs);
    }
    const [ours, theirs] = socketPair();
    const worker = Bun.spawn([...command], { stdio: ["ignore", "pipe", "inherit", listener, theirs, state] });
    closeFd(theirs);
    store.repeat(ours);
    for await (const signs of worker.stdout) {
      if (Buffer.from(signs).includes(workerSigns.ready)) failures = -1;
      store.take(ours);
    }
    const status = await worker.exited;
    store.take(ours);
    store.end();
    closeFd(ours);
    if (status === 0) return true;
    warn(`The worker of a mount has died (${worker.signalCode ?? `status ${status}`}), and another goes on.`);
  }
}

// --- internal ---

/** What workers have asked to keep, in the order in which it was said last, and who works for them on what is kept. */
class DescriptorStore {
  readonly #kept = new Map<number, { readonly bytes: Uint8Array; readonly fds: readonly number[] }>();
  readonly #buffer = allocate(packetMax);
  readonly #onKept: (key: number) => void;
  readonly #syncCommand: readonly string[];
  readonly #answering: Answering | undefined;
  /** Who waits for all of the file system. */
  #waitingForAll: Waiting[] = [];
  #isSyncingAll = false;
  /** The worker that lives now. */
  #worker: number | undefined;
  #isAbandoned = false;

  constructor({ syncCommand, answering }: StoreOptions, onKept: (key: number) => void) {
    this.#syncCommand = syncCommand;
    this.#answering = answering;
    this.#onKept = onKept;
  }

  /** Whether QEMU has come: its guest waits for whoever serves. */
  get hasQemu(): boolean {
    return this.#kept.has(keys.connection);
  }

  /** Takes the packets that have arrived. */
  take(socket: number): void {
    for (;;) {
      const { length, fds } = packets.receive(socket, this.#buffer.address, packetMax, { wait: false });
      if (length < packetHead) return;
      const { kind, key } = packetHeadIn(this.#buffer.view);
      if (kind === packet.sync) {
        this.#sync(key, syncWordsIn(this.#buffer.view), fds);
        continue;
      }
      for (const fd of this.#kept.get(key)?.fds ?? []) closeFd(fd);
      this.#kept.delete(key);
      const isListener = listenerOf(key) !== undefined;
      if (isListener) this.#answering?.end(key);
      if (kind !== packet.keep) continue;
      // A worker needs no listener, but only to know whose it is.
      const own = isListener ? (this.#answering?.begin(key, fds) ?? fds) : fds;
      this.#kept.set(key, { bytes: this.#buffer.bytes.slice(0, length), fds: own });
      this.#onKept(key);
    }
  }

  /** The worker has died: another will ask anew for what it waits for. */
  end(): void {
    this.#worker = undefined;
  }

  /** Says all to a new worker, and that this was all. */
  repeat(socket: number): void {
    this.#worker = socket;
    for (const { bytes, fds } of this.#kept.values()) {
      this.#buffer.bytes.set(bytes);
      packets.send(socket, this.#buffer.address, bytes.length, fds);
    }
    this.#sayEnd(socket);
    if (this.#isAbandoned) this.#sayEnd(socket);
  }

  /** Tells a worker that waits for QEMU, unless that has come, that nobody will; and those that follow it. */
  waitNoLonger(): void {
    this.#isAbandoned = true;
    if (this.#worker !== undefined) this.#sayEnd(this.#worker);
  }

  #sayEnd(socket: number): void {
    writePacketHead(this.#buffer.view, packet.end, 0);
    packets.send(socket, this.#buffer.address, packetHead);
  }

  /** Brings what is kept, or given along, to the disk, while this process goes on, and says so. */
  #sync(key: number, asked: SyncWords, given: readonly number[]): void {
    const [fd] = given.length > 0 ? given : (this.#kept.get(key)?.fds ?? []);
    const answer = (value: number): void => {
      for (const each of given) closeFd(each);
      if (this.#worker === undefined) return;
      writePacketHead(this.#buffer.view, packet.synced, key);
      writeSyncWords(this.#buffer.view, { ...asked, value });
      packets.send(this.#worker, this.#buffer.address, syncBytes);
    };
    if (fd === undefined) return answer(notKept);
    if (asked.value === syncKind.all) {
      this.#waitingForAll.push({ fd, answer });
      if (!this.#isSyncingAll) void this.#syncAll();
      return;
    }
    const isDataOnly = asked.value === syncKind.fileData || asked.value === syncKind.folderData;
    const act = isDataOnly ? fdatasync : fsync;
    act(fd, (error) => answer(error === null ? 0 : -Math.abs(error.errno ?? EIO)));
  }

  /**
   * No call of the runtime's does this beside others, so a process does, one at a time: it is for all who have asked
   * before it began.
   */
  async #syncAll(): Promise<void> {
    this.#isSyncingAll = true;
    while (this.#waitingForAll.length > 0) {
      const all = this.#waitingForAll.splice(0);
      const value = await this.#runSync(all[0]?.fd ?? -1);
      for (const { answer } of all) answer(value);
    }
    this.#isSyncingAll = false;
  }

  async #runSync(fd: number): Promise<number> {
    try {
      const { exited } = Bun.spawn([...this.#syncCommand], { stdio: [fd, "ignore", "inherit"] });
      const status = await exited;
      return syncErrors.has(status) ? -status : status === 0 ? 0 : notKept;
    } catch {
      return notKept;
    }
  }
}

type StoreOptions = Pick<HoldOptions, "syncCommand"> & { readonly answering: Answering | undefined };

type Waiting = { readonly fd: number; readonly answer: (value: number) => void };

/** What syncfs(2) says of a disk: EIO, ENOSPC and EDQUOT. Any other exit status is about the process. */
const syncErrors: ReadonlySet<number> = new Set([EIO, 28, 122]);
