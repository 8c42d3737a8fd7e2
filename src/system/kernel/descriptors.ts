/**
 * The door to waiting for descriptors, and to sending them to another process. As in file-calls.ts a call gives its
 * value, or its error's number below zero, and blocks the whole process where the system does.
 */
import { FFIType } from "bun:ffi";
import { renameSync, rmSync } from "node:fs";
import * as darwin from "./darwin/socket-calls.ts";
import { outcome } from "./errno.ts";
import { fromLibrary } from "./library.ts";
import * as linux from "./linux/socket-calls.ts";
import { allocate, type Block } from "./memory.ts";
import {
  controlBytesOf,
  descriptorsIn,
  isTruncated,
  messageLayouts,
  setAddress,
  writeDescriptors,
  writeMessageHead,
} from "./message-layout.ts";

/** At most so many descriptors come with one message (VHOST_USER_MAX_RAM_SLOTS is 8, SCM_MAX_FD is 253). */
const passedMax = 16;

const POLLIN = 1;
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const EINTR = -4;

const isMac = process.platform === "darwin";
const layout = messageLayouts[isMac ? "darwin" : "linux"];
const own: typeof linux = isMac ? darwin : linux;

/** Waits for several descriptors at once: poll(2) over a list that changes seldom. */
export class Waiting {
  readonly #list = allocate(8 * 64);
  #count = 0;

  /** Waits for these from now on; of more than 64 the rest is left out. */
  watch(fds: readonly number[]): void {
    this.#count = Math.min(fds.length, 64);
    for (const [index, fd] of fds.slice(0, 64).entries()) {
      this.#list.view.setInt32(index * 8, fd, true);
      this.#list.view.setInt16(index * 8 + 4, POLLIN, true);
    }
  }

  /** Blocks until one of them can be read, or has ended; only looks unless it is to `wait`. */
  wait(options: { wait: boolean } = { wait: true }): void {
    // A signal has interrupted it.
    while (libc().poll(this.#list.address, this.#count, options.wait ? -1 : 0) < 0);
  }

  /** Whether the descriptor at this place of the list can be read without waiting. */
  isReady(index: number): boolean {
    return this.#list.view.getInt16(index * 8 + 6, true) !== 0;
  }
}

/** A message of a stream or packet socket with the descriptors that came with it. */
export type Received = { readonly length: number; readonly fds: readonly number[] };

/**
 * Receives up to `length` bytes at `to`, and descriptors, which are closed at exec (recvmsg(2)); `length` of the
 * answer is 0 at the end and an error's number below zero. More descriptors than fit are an error, EMSGSIZE, and all
 * are closed.
 */
export function receive(fd: number, to: number, length: number, options: { wait: boolean } = { wait: true }): Received {
  const { view } = prepared(to, length, controlBytes);
  const flags = layout.receiving | (options.wait ? 0 : layout.dontWait);
  let got: number;
  do got = outcome(() => Number(libc().recvmsg(fd, header().address, flags)));
  while (got === EINTR);
  if (got < 0) return { length: got, fds: [] };
  const fds = descriptorsIn(view, controlAt, layout, passedMax);
  for (const each of fds) own.closeAtExec(each);
  if (!isTruncated(view, layout)) return { length: got, fds };
  for (const each of fds) libc().close(each);
  return { length: -90, fds: [] };
}

/** Sends bytes with descriptors (sendmsg(2)), never a signal. Gives how many bytes went. */
export function send(fd: number, from: number, length: number, fds: readonly number[] = []): number {
  const { view } = prepared(from, length, controlBytesOf(layout, fds.length));
  writeDescriptors(view, controlAt, layout, fds);
  let sent: number;
  do sent = outcome(() => Number(libc().sendmsg(fd, header().address, layout.sending)));
  while (sent === EINTR);
  return sent;
}

/** A pair of connected sockets, for packets.ts or to hear of an end. Throws when the system gives none. */
export function socketPair(): readonly [number, number] {
  const { address, view } = header();
  const status = outcome(() => libc().socketpair(AF_UNIX, own.pairType | own.atExec, 0, address));
  if (status < 0) throw new Error(`socketpair: error ${-status}`);
  const pair = [view.getInt32(0, true), view.getInt32(4, true)] as const;
  for (const each of pair) own.closeAtExec(each);
  return pair;
}

/** A file in memory without a name, as long as anybody has it. Throws when the system gives none. */
export function memoryFile(bytes: number): number {
  const fd = own.unnamedFile();
  if (fd < 0 || libc().ftruncate(fd, bytes) < 0) throw new Error(`no memory that is a file: error ${-fd}`);
  return fd;
}

/**
 * Listens at a Unix socket for whoever may use the folder that it lies in. Its file has that name only when somebody
 * listens: who waits for the file can connect at once. Throws when it cannot be made.
 */
export function listenAt(path: string): number {
  const fd = socket(SOCK_STREAM);
  const unfinished = `${path}~`;
  const length = writeAddress(unfinished);
  rmSync(unfinished, { force: true });
  const bound = outcome(() => libc().bind(fd, header().address, length));
  const status = bound < 0 ? bound : outcome(() => libc().listen(fd, 1));
  if (status < 0) throw new Error(`the socket ${path} cannot be made: error ${-status}`);
  renameSync(unfinished, path);
  return fd;
}

/**
 * Has systemd keep a descriptor for the next start of this service, which inherits it by its name (FDSTORE=1 of
 * sd_notify(3), as far as the unit's FileDescriptorStoreMax= has room). Does nothing outside systemd.
 */
export function storeDescriptor(name: string, fd: number, socketPath = process.env["NOTIFY_SOCKET"]): void {
  if (socketPath?.startsWith("/") !== true) return;
  const words = Buffer.from(`FDSTORE=1\nFDNAME=${name}`);
  const notifier = socket(SOCK_DGRAM);
  const length = writeAddress(socketPath);
  const connected = outcome(() => libc().connect(notifier, header().address, length));
  const { address, bytes } = (wordsBlock ??= allocate(256));
  bytes.set(words);
  const sent = connected < 0 ? connected : send(notifier, address, words.length, [fd]);
  libc().close(notifier);
  if (sent < 0) throw new Error(`systemd does not keep the descriptor ${name}: error ${-sent}`);
}

/** Lets so many clients wait at a socket that listens until they are taken (listen(2), once more). */
export function lengthenLine(listener: number, clients: number): void {
  outcome(() => libc().listen(listener, clients));
}

/** Waits for one connection. */
export function acceptAt(listener: number): number {
  return own.accept(listener);
}

/**
 * Takes what an eventfd has, or a pipe that stands in for one, and throws it away. An eventfd has 8 bytes, a pipe as
 * many for each time that it was rung, and neither lets anybody wait (event_notifier_init in QEMU's
 * util/event_notifier-posix.c).
 */
export function drain(fd: number): void {
  while (Number(libc().read(fd, header().address, headerBytes)) === headerBytes);
}

/** Adds one to an eventfd, or to a pipe unless that is full, which wakes who waits for it. */
export function ring(fd: number): void {
  const { address, view } = header();
  view.setUint32(0, 1, true);
  view.setUint32(4, 0, true);
  libc().write(fd, address, 8);
}

// --- internal ---

/** struct msghdr at 0, its one struct iovec at 64, the control message at 96; the beginning serves short calls too. */
const headerBytes = 512;
const vectorAt = 64;
const controlAt = 96;
const controlBytes = controlBytesOf(layout, passedMax);

let headerBlock: Block | undefined;
let wordsBlock: Block | undefined;

function socket(type: number): number {
  const fd = outcome(() => libc().socket(AF_UNIX, type | own.atExec, 0));
  own.closeAtExec(fd);
  return fd;
}

/** Writes a Unix socket's address to the header; gives its length. Throws for a path that is too long. */
function writeAddress(path: string): number {
  const { view, bytes } = header();
  const name = Buffer.from(path);
  if (name.length > own.pathMax) throw new Error(`${path} is too long for a socket`);
  const length = 2 + name.length + 1;
  own.writeFamily(view, length);
  bytes.set(name, 2);
  bytes[length - 1] = 0;
  return length;
}

function header(): Block {
  return (headerBlock ??= allocate(headerBytes));
}

function prepared(buffer: number, length: number, bytesOfControl: number): Block {
  const block = header();
  const { view, address, bytes } = block;
  bytes.fill(0, 0, controlAt + controlBytes);
  writeMessageHead(view, { vector: address + vectorAt, control: address + controlAt, controlBytes: bytesOfControl });
  setAddress(view, vectorAt, buffer);
  view.setUint32(vectorAt + 8, length, true);
  return block;
}

const { i32, u32, u64_fast, i64_fast } = FFIType;

const libc = fromLibrary({
  poll: { args: [u64_fast, u64_fast, i32], returns: i32 },
  recvmsg: { args: [i32, u64_fast, i32], returns: i64_fast },
  sendmsg: { args: [i32, u64_fast, i32], returns: i64_fast },
  socketpair: { args: [i32, i32, i32, u64_fast], returns: i32 },
  ftruncate: { args: [i32, i64_fast], returns: i32 },
  socket: { args: [i32, i32, i32], returns: i32 },
  bind: { args: [i32, u64_fast, u32], returns: i32 },
  connect: { args: [i32, u64_fast, u32], returns: i32 },
  listen: { args: [i32, i32], returns: i32 },
  read: { args: [i32, u64_fast, u64_fast], returns: i64_fast },
  write: { args: [i32, u64_fast, u64_fast], returns: i64_fast },
  close: { args: [i32], returns: i32 },
});
