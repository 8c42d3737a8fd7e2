/** Who serves a share: waits for QEMU and the rings in one thread, and does what they ask. */
import { writeSync } from "node:fs";
import { acceptAt, Waiting } from "../../system/kernel/descriptors.ts";
import { confineTo } from "../../system/kernel/landlock.ts";
import { allocate, mapFile, viewsOf } from "../../system/kernel/memory.ts";
import { packets } from "../../system/kernel/packets.ts";
import { answerSync, serve } from "./fuse/dispatch.ts";
import { ServedShare, type ShareOptions } from "./fuse/served-share.ts";
import type { SlowSync } from "./fuse/slow-syncs.ts";
import { lendSynced, syncNow } from "./fuse/sync-now.ts";
import { workerFds, workerSigns } from "./holder.ts";
import { stateBytes } from "./node/state-plan.ts";
import {
  handleOf,
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
import { Device } from "./vhost/device.ts";

/** Standard output, by which the holder hears. */
const signsFd = 1;

/**
 * Serves the share until QEMU hangs up, or the holder is gone; never gives the event loop a turn. Throws when QEMU says
 * nonsense, or when the folder cannot be opened.
 */
export function serveShare(options: ShareOptions, warn: (text: string) => void): void {
  const state = viewsOf(mapFile(workerFds.state, 0, stateBytes), stateBytes);
  const store = new StoreClient();
  const share = new ServedShare(options, state);
  // Whatever a guest may find to break here, it has its mount and nothing else.
  confineTo(share.root, options.readOnly);
  share.handles.onOpened = (handle, fd) => store.keepOpen(handle, fd);
  share.handles.onClosed = (handle) => store.forgetOpen(handle);
  share.listeners.onOpened = (node, fds) => store.keep(keys.listener(node), [], fds);
  share.listeners.onClosed = (node) => store.forget(keys.listener(node));
  const device = new Device({
    server: {
      readable: share.readable,
      writable: share.writable,
      serve: (ring, head) => serve(share, ring, head),
      takeOver: (ring, done) => share.syncs.takeOver(ring, done),
      answerAll: (ring) => share.syncs.of(ring).forEach((place) => endSync(place, notKept)),
    },
    keep: (key, message, fds) => store.keep(key, message, fds),
    forget: (key) => store.forget(key),
    warn,
  });
  const endSync = (place: number, value: number): void => {
    const sync = share.syncs.get(place);
    if (sync === undefined) return;
    const result = value === notKept ? syncNow(share, sync) : value;
    const answer = (): number => answerSync(share, sync, result);
    device.giveBack(sync.ring, sync.head, answer, (done, give) => share.syncs.end(place, done, give));
  };
  const onSynced = ({ place, uniqueLow, value }: SyncWords): void => {
    // It may be the answer to a process before, which was asked for twice.
    if (share.syncs.get(place)?.uniqueLow === uniqueLow) endSync(place, value);
  };
  share.onSync = (place, sync, fd) => store.sync(place, sync, fd);
  const connection = store.takeKept(share, device) ?? store.accept();
  if (connection === undefined) return;
  device.resume();
  // Before the first answer, after which it may be killed at once. A request that kills each worker is refused in time.
  writeSync(signsFd, workerSigns.ready);
  for (const place of share.syncs.of()) {
    const sync = share.syncs.get(place);
    if (sync === undefined) continue;
    lendSynced(share, sync, (fd) => (fd !== undefined && fd < 0 ? endSync(place, fd) : store.sync(place, sync, fd)));
  }
  device.serveLeft();
  const waiting = new Waiting();
  for (;;) {
    waiting.watch([connection, workerFds.store, ...device.kicks]);
    waiting.wait({ wait: !device.hasMore });
    if (waiting.isReady(1) && !store.hear(onSynced)) return;
    if (share.steps > stepsMax) {
      Bun.gc(true);
      share.steps = 0;
    }
    device.kicked((index) => waiting.isReady(index + 2));
    if (waiting.isReady(0) && !device.receive(connection)) return;
  }
}

// --- internal ---

/**
 * After so many requests and entries of folders the heap is cleaned, which takes 4 to 17 ms: each leaves about 1 KiB,
 * and the engine lets hundreds of MiB come together before it does so by itself.
 */
const stepsMax = 20_000;

/** So many packets of open files wait for the holder: waking it takes longer than they do, and a socket takes 200. */
const untoldMax = 32;

/** The worker's end of the packets to and from its holder. */
class StoreClient {
  readonly #buffer = allocate(packetMax);
  #untold = 0;

  /** Asks to keep a copy of the descriptors, and what they are for. */
  keep(key: number, body: Iterable<number> & { readonly length: number }, fds: readonly number[]): void {
    this.#buffer.bytes.set([...body], packetHead);
    this.#send(packet.keep, key, body.length, fds);
  }

  forget(key: number): void {
    this.#send(packet.forget, key, 0, []);
  }

  /** Asks to keep a file that the guest has open: by its name it may be another one when this process is killed. */
  keepOpen(handle: number, fd: number): void {
    writePacketHead(this.#buffer.view, packet.keep, keys.handle(handle));
    this.#sendSoon([fd]);
  }

  forgetOpen(handle: number): void {
    writePacketHead(this.#buffer.view, packet.forget, keys.handle(handle));
    this.#sendSoon([]);
  }

  /** Asks to bring to the disk what is kept by its handle, or `fd`. */
  sync(place: number, { uniqueLow, handle, kind }: SlowSync, fd?: number): void {
    writeSyncWords(this.#buffer.view, { place, uniqueLow, value: kind });
    this.#send(packet.sync, keys.handle(handle), syncBytes - packetHead, fd === undefined ? [] : [fd]);
  }

  /** Hears what has been brought to the disk; false when the holder is gone. */
  hear(onSynced: (words: SyncWords) => void): boolean {
    for (;;) {
      const { length } = packets.receive(workerFds.store, this.#buffer.address, packetMax, { wait: false });
      if (length === 0) return false;
      if (length < 0) return true;
      if (packetHeadIn(this.#buffer.view).kind === packet.synced) onSynced(syncWordsIn(this.#buffer.view));
    }
  }

  /** Takes over what workers before have kept. Gives QEMU's connection; nothing for the first worker. */
  takeKept(share: ServedShare, device: Device): number | undefined {
    let connection: number | undefined;
    const closed: number[] = [];
    const ended: number[] = [];
    for (;;) {
      const { length, fds } = packets.receive(workerFds.store, this.#buffer.address, packetMax);
      const { kind, key } = packetHeadIn(this.#buffer.view);
      if (length < packetHead || kind === packet.end) break;
      const handle = handleOf(key);
      const node = listenerOf(key);
      if (key === keys.connection) [connection] = fds;
      else if (node !== undefined) {
        if (!share.listeners.takeBack(node, fds[0] ?? -1)) ended.push(key);
      } else if (handle === undefined) device.repeat(this.#buffer.bytes.subarray(packetHead, length), fds);
      else if (!share.handles.takeBack(handle, fds[0] ?? -1)) closed.push(handle);
    }
    for (const handle of closed) this.forgetOpen(handle);
    for (const key of ended) this.forget(key);
    return connection;
  }

  /** Waits for QEMU. Nothing when the holder goes, or says that nobody will come, before it does. */
  accept(): number | undefined {
    const waiting = new Waiting();
    waiting.watch([workerFds.listener, workerFds.store]);
    waiting.wait();
    if (!waiting.isReady(0)) return undefined;
    const connection = acceptAt(workerFds.listener);
    this.keep(keys.connection, [], [connection]);
    return connection;
  }

  /** The holder takes what it is not told of with the next packet, or at this process' end: packets outlive it. */
  #sendSoon(fds: readonly number[]): void {
    packets.send(workerFds.store, this.#buffer.address, packetHead, fds);
    this.#untold = (this.#untold + 1) % untoldMax;
    if (this.#untold === 0) writeSync(signsFd, workerSigns.sent);
  }

  #send(kind: number, key: number, bodyBytes: number, fds: readonly number[]): void {
    writePacketHead(this.#buffer.view, kind, key);
    packets.send(workerFds.store, this.#buffer.address, packetHead + bodyBytes, fds);
    writeSync(signsFd, workerSigns.sent);
  }
}
