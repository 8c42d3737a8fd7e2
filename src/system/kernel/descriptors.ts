/**
 * The door to waiting for descriptors, and to sending them to another process. As in file-calls.ts a call gives its
 * value, or its error's number below zero, and blocks the whole process where the system does. Linux only.
 */
import { FFIType } from "bun:ffi";
import { renameSync, rmSync } from "node:fs";
import { outcome } from "./errno.ts";
import { fromLibrary } from "./library.ts";
import { allocate, type Block } from "./memory.ts";

/** At most so many descriptors come with one message (VHOST_USER_MAX_RAM_SLOTS is 8, SCM_MAX_FD is 253). */
const passedMax = 16;

const POLLIN = 1;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_CTRUNC = 8;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
const EINTR = -4;

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
  const { view } = prepared(to, length);
  view.setUint32(controlLengthAt, controlBytes, true);
  const flags = MSG_CMSG_CLOEXEC | (options.wait ? 0 : MSG_DONTWAIT);
  let got: number;
  do got = outcome(() => Number(libc().recvmsg(fd, header().address, flags)));
  while (got === EINTR);
  if (got < 0) return { length: got, fds: [] };
  const fds = passedIn(view);
  if ((view.getInt32(flagsAt, true) & MSG_CTRUNC) === 0) return { length: got, fds };
  for (const each of fds) libc().close(each);
  return { length: -90, fds: [] };
}

/** Sends bytes with descriptors (sendmsg(2)), never a signal. Gives how many bytes went. */
export function send(fd: number, from: number, length: number, fds: readonly number[] = []): number {
  const { view } = prepared(from, length);
  const used = fds.length === 0 ? 0 : 16 + 4 * fds.length;
  view.setUint32(controlLengthAt, fds.length === 0 ? 0 : 16 + 8 * Math.ceil(fds.length / 2), true);
  view.setUint32(controlAt, used, true);
  view.setUint32(controlAt + 8, SOL_SOCKET, true);
  view.setUint32(controlAt + 12, SCM_RIGHTS, true);
  for (const [index, each] of fds.entries()) view.setInt32(controlAt + 16 + 4 * index, each, true);
  let sent: number;
  do sent = outcome(() => Number(libc().sendmsg(fd, header().address, MSG_NOSIGNAL)));
  while (sent === EINTR);
  return sent;
}

/** A pair of connected packet sockets; each message arrives whole. Throws when the system gives none. */
export function socketPair(): readonly [number, number] {
  const { address, view } = header();
  const status = outcome(() => libc().socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, address));
  if (status < 0) throw new Error(`socketpair: error ${-status}`);
  return [view.getInt32(0, true), view.getInt32(4, true)];
}

/** A file in memory without a name, as long as anybody has it (memfd_create(2)). Throws when the system gives none. */
export function memoryFile(bytes: number): number {
  const fd = outcome(() => libc().memfd_create(allocateText("qn"), 1));
  if (fd < 0 || libc().ftruncate(fd, bytes) < 0) throw new Error(`memfd_create: error ${-fd}`);
  return fd;
}

/**
 * Listens at a Unix socket for whoever may use the folder that it lies in. Its file has that name only when somebody
 * listens: who waits for the file can connect at once. Throws when it cannot be made.
 */
export function listenAt(path: string): number {
  const fd = outcome(() => libc().socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
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
  const notifier = outcome(() => libc().socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const length = writeAddress(socketPath);
  const connected = outcome(() => libc().connect(notifier, header().address, length));
  const { address, bytes } = (wordsBlock ??= allocate(256));
  bytes.set(words);
  const sent = connected < 0 ? connected : send(notifier, address, words.length, [fd]);
  libc().close(notifier);
  if (sent < 0) throw new Error(`systemd does not keep the descriptor ${name}: error ${-sent}`);
}

/** Waits for one connection (accept4(2)). */
export function acceptAt(listener: number): number {
  return outcome(() => libc().accept4(listener, null, null, SOCK_CLOEXEC));
}

/** Takes what an eventfd or a pipe has, at most 8 bytes, and throws it away. */
export function drain(fd: number): void {
  libc().read(fd, header().address, 8);
}

/** Adds one to an eventfd, which wakes who waits for it. */
export function ring(fd: number): void {
  const { address, view } = header();
  view.setUint32(0, 1, true);
  view.setUint32(4, 0, true);
  libc().write(fd, address, 8);
}

// --- internal ---

/** struct msghdr at 0, its one struct iovec at 64, the control message at 96; the beginning serves short calls too. */
const flagsAt = 48;
const controlLengthAt = 40;
const vectorAt = 64;
const controlAt = 96;
const controlBytes = 16 + 4 * passedMax;

let headerBlock: Block | undefined;
let wordsBlock: Block | undefined;

/** Writes a Unix socket's address to the header; gives its length. Throws for a path that is too long. */
function writeAddress(path: string): number {
  const { view, bytes } = header();
  const name = Buffer.from(path);
  if (name.length > 107) throw new Error(`${path} is too long for a socket`);
  view.setUint16(0, AF_UNIX, true);
  bytes.set(name, 2);
  bytes[2 + name.length] = 0;
  return 2 + name.length + 1;
}

function header(): Block {
  return (headerBlock ??= allocate(512));
}

function prepared(buffer: number, length: number): Block {
  const block = header();
  const { view, address, bytes } = block;
  bytes.fill(0, 0, controlAt + controlBytes);
  setAddress(view, 16, address + vectorAt);
  view.setUint32(24, 1, true);
  setAddress(view, 32, address + controlAt);
  setAddress(view, vectorAt, buffer);
  view.setUint32(vectorAt + 8, length, true);
  return block;
}

function passedIn(view: DataView): number[] {
  if (view.getUint32(controlLengthAt, true) < 16) return [];
  if (view.getUint32(controlAt + 8, true) !== SOL_SOCKET || view.getUint32(controlAt + 12, true) !== SCM_RIGHTS)
    return [];
  const count = Math.min(passedMax, (view.getUint32(controlAt, true) - 16) / 4);
  return Array.from({ length: count }, (_, index) => view.getInt32(controlAt + 16 + 4 * index, true));
}

function setAddress(view: DataView, at: number, address: number): void {
  view.setUint32(at, address % 2 ** 32, true);
  view.setUint32(at + 4, Math.floor(address / 2 ** 32), true);
}

function allocateText(value: string): number {
  const { bytes, address } = header();
  const text = Buffer.from(`${value}\0`);
  bytes.set(text);
  return address;
}

const { i32, u32, u64_fast, i64_fast, ptr } = FFIType;

const libc = fromLibrary({
  poll: { args: [u64_fast, u64_fast, i32], returns: i32 },
  recvmsg: { args: [i32, u64_fast, i32], returns: i64_fast },
  sendmsg: { args: [i32, u64_fast, i32], returns: i64_fast },
  socketpair: { args: [i32, i32, i32, u64_fast], returns: i32 },
  memfd_create: { args: [u64_fast, u32], returns: i32 },
  ftruncate: { args: [i32, i64_fast], returns: i32 },
  socket: { args: [i32, i32, i32], returns: i32 },
  bind: { args: [i32, u64_fast, u32], returns: i32 },
  connect: { args: [i32, u64_fast, u32], returns: i32 },
  listen: { args: [i32, i32], returns: i32 },
  accept4: { args: [i32, ptr, ptr, i32], returns: i32 },
  read: { args: [i32, u64_fast, u64_fast], returns: i64_fast },
  write: { args: [i32, u64_fast, u64_fast], returns: i64_fast },
  close: { args: [i32], returns: i32 },
});
