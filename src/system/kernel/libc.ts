/** The door to what only the C library offers: mounts, clocks, and datagrams to systemd. */
import { FFIType, read } from "bun:ffi";
import { closeSync, openSync } from "node:fs";
import { constants } from "node:os";
import { fromLibrary } from "./library.ts";

const { i32, u64, ptr } = FFIType;

/** O_PATH of open(2), which Node.js does not name: a handle on the name alone, with no file open. Linux only. */
export const O_PATH = 0o10000000;

/** mount(2) constants, the same on every architecture that qn runs on. */
const MS_RDONLY = 1n;
const MS_SYNCHRONOUS = 16n;
const MS_REMOUNT = 32n;
const MS_BIND = 4096n;
const MS_REC = 16384n;
const MS_POSIXACL = 65536n;
const MNT_DETACH = 2;
const POSIX_FADV_DONTNEED = 4;
/** The same number on x86_64 and aarch64. */
const SYS_cachestat = 451n;
/** linux/random.h: _IOW('R', 3, int[2]) and _IO('R', 7), the same on x86_64 and aarch64. */
const RNDADDENTROPY = 0x40085203n;
const RNDRESEEDCRNG = 0x5207n;
const AF_UNIX = 1;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const CLOCK_REALTIME = 0;
const TFD_TIMER_ABSTIME = 1;
const TFD_TIMER_CANCEL_ON_SET = 2;
const TFD_NONBLOCK = 0o4000;
const TFD_CLOEXEC = 0o2000000;

/** Lets everything that this process says as errors go to the end of a file from now on (dup2(2)). */
export function sendErrorsTo(path: string): void {
  const fd = openSync(path, "a", 0o600);
  common().dup2(fd, 2);
  closeSync(fd);
}

/** Makes a FIFO that is its owner's alone (mkfifo(3)). Throws where it cannot be made, or something has its name. */
export function makeFifo(path: string): void {
  if (common().mkfifo(text(path), 0o600) !== 0) throw new Error(`The FIFO ${path} cannot be made.`);
}

/**
 * Mounts a file system (mount(2), Linux only); `withAcls` lets programs ask for access control lists, whatever the file
 * system does with them. Throws with the error's name and the target.
 */
export function mount(source: string, target: string, type: string, options: string, withAcls = false): void {
  check(
    "mount",
    target,
    linux().mount(text(source), text(target), text(type), withAcls ? MS_POSIXACL : 0n, text(options)),
  );
}

/**
 * Lets nobody write through the mount at `target`; other mounts of the same file system stay as they are. Throws as
 * `mount` does.
 */
export function setReadOnly(target: string): void {
  const flags = MS_REMOUNT | MS_BIND | MS_RDONLY;
  check("remount", target, linux().mount(null, text(target), null, flags, null));
}

/**
 * Takes an extended attribute of a file away (removexattr(2), Linux only). Throws with the error's name, such as
 * EOPNOTSUPP on a file system that has none of this kind.
 */
export function removeAttribute(path: string, name: string): void {
  check("removexattr", path, linux().removexattr(text(path), text(name)));
}

/** Shows `source`, a file or folder with all that is mounted below it, at `target` too. Throws as `mount` does. */
export function bindMount(source: string, target: string): void {
  check("bind mount", target, linux().mount(text(source), text(target), null, MS_BIND | MS_REC, null));
}

/**
 * Lets what is written to the file system that is mounted at `target` go through at once, or not (mount(2) with
 * MS_REMOUNT and MS_SYNCHRONOUS); open files follow too. Throws as `mount` does.
 */
export function setSynchronous(target: string, isSynchronous: boolean): void {
  const flags = MS_REMOUNT | (isSynchronous ? MS_SYNCHRONOUS : 0n);
  check("remount", target, linux().mount(null, text(target), null, flags, null));
}

/** Takes a mount away that nobody uses. Throws with the error's name: EBUSY while somebody does (umount2(2)). */
export function unmountUnused(target: string): void {
  check("unmount", target, linux().umount2(text(target), 0));
}

/** Takes a mount away; who still uses it keeps it until the last file is closed (umount2(2) with MNT_DETACH). */
export function unmount(target: string): void {
  check("unmount", target, linux().umount2(text(target), MNT_DETACH));
}

/**
 * Drops the pages that the kernel has cached of an open file and not still to write (posix_fadvise(2),
 * POSIX_FADV_DONTNEED): the next read asks the file system. Only advice: it does nothing where it cannot.
 */
export function dropCachedPages(fd: number): void {
  linux().posix_fadvise(fd, 0n, 0n, POSIX_FADV_DONTNEED);
}

/**
 * Whether the kernel has pages of an open file that are still to be written, or on their way (cachestat(2), Linux 6.5);
 * false where it cannot say.
 */
export function isBeingWritten(fd: number): boolean {
  // Offset and length 0: the whole file. Five counters: cached, dirty, in writeback, evicted, recently evicted.
  const range = new BigUint64Array(2);
  const counts = new BigUint64Array(5);
  if (Number(linux().syscall(SYS_cachestat, BigInt(fd), range, counts, 0n)) !== 0) return false;
  const [, dirty = 0n, inWriteback = 0n] = counts;
  return dirty > 0n || inWriteback > 0n;
}

/**
 * Tells systemd a state such as "READY=1" (sd_notify(3)): one datagram to the socket that NOTIFY_SOCKET names, which
 * may be abstract (a leading @ stands for NUL). Does nothing outside systemd.
 */
export function notifySystemd(state: string, socketPath: string | undefined = process.env["NOTIFY_SOCKET"]): void {
  if (socketPath === undefined || socketPath === "") return;
  const c = linux();
  const fd = c.socket(AF_UNIX, SOCK_DGRAM, 0);
  const address = Buffer.alloc(2 + Buffer.byteLength(socketPath) + (socketPath.startsWith("@") ? 0 : 1));
  address.writeUInt16LE(AF_UNIX, 0);
  address.write(socketPath.replace(/^@/, "\0"), 2);
  const message = Buffer.from(state);
  const sent = Number(c.sendto(fd, message, BigInt(message.length), 0, address, address.length));
  c.close(fd);
  check("notify", socketPath, sent < 0 ? -1 : 0);
}

/**
 * Holds a port at every address, IPv4 and IPv6, without listening on it: nobody else can, and nobody can connect
 * (bind(2) without listen(2), Linux only). Nothing when somebody has the port at some address already.
 */
export function holdPort(protocol: "tcp" | "udp", port: number): { release(): void } | undefined {
  const c = linux();
  const fd = c.socket(AF_INET6, (protocol === "tcp" ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
  if (fd < 0) return undefined;
  // struct sockaddr_in6 (ipv6(7)): family, port in network order, flow, address ::, scope.
  const address = Buffer.alloc(28);
  address.writeUInt16LE(AF_INET6, 0);
  address.writeUInt16BE(port, 2);
  if (c.bind(fd, address, address.length) === 0) return { release: () => void c.close(fd) };
  c.close(fd);
  return undefined;
}

/**
 * Sets this machine's clock to milliseconds since 1970 (clock_settime(2) with CLOCK_REALTIME, Linux only). Throws EPERM
 * for whoever is not root.
 */
export function setClock(ms: number): void {
  check("clock_settime", `${ms}`, linux().clock_settime(CLOCK_REALTIME, timespec(ms)));
}

/**
 * Mixes these bytes into what the kernel makes random numbers from, and has it make them anew from that at once
 * (RNDADDENTROPY and RNDRESEEDCRNG of random(4), Linux only). Throws EPERM for whoever is not root.
 */
export function stirRandomness(seed: Uint8Array): void {
  // struct rand_pool_info: bits, bytes, and the bytes themselves.
  const info = Buffer.alloc(8 + seed.length);
  info.writeInt32LE(seed.length * 8, 0);
  info.writeInt32LE(seed.length, 4);
  info.set(seed, 8);
  const fd = openSync("/dev/urandom", "r+");
  try {
    check("ioctl", "RNDADDENTROPY", linux().ioctl(fd, RNDADDENTROPY, info));
    check("ioctl", "RNDRESEEDCRNG", linux().ioctl(fd, RNDRESEEDCRNG, null));
  } finally {
    closeSync(fd);
  }
}

/**
 * The descriptor of a timer that never expires and that a jump of the clock cancels: a read then fails with ECANCELED
 * (timerfd_create(2), Linux only). Nothing when the kernel gives none.
 */
export function cancelableTimer(): number | undefined {
  const c = linux();
  const fd = c.timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
  if (fd < 0) return undefined;
  // struct itimerspec: no interval, and a time that nobody lives to see.
  const never = Buffer.concat([timespec(0), timespec(4e14)]);
  if (c.timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, never, null) === 0) return fd;
  c.close(fd);
  return undefined;
}

/** A string as C has it: with a zero byte behind. */
export const text = (value: string): Buffer => Buffer.from(`${value}\0`);

// --- internal ---

/** struct timespec on 64-bit systems: seconds and nanoseconds. */
function timespec(ms: number): Buffer {
  const bytes = Buffer.alloc(16);
  const seconds = Math.floor(ms / 1000);
  bytes.writeBigInt64LE(BigInt(seconds), 0);
  bytes.writeBigInt64LE(BigInt(Math.round((ms - seconds * 1000) * 1e6)), 8);
  return bytes;
}

/** What every system has. */
const common = fromLibrary({
  dup2: { args: [i32, i32], returns: i32 },
  mkfifo: { args: [ptr, i32], returns: i32 },
});

const linux = fromLibrary({
  mount: { args: [ptr, ptr, ptr, u64, ptr], returns: i32 },
  umount2: { args: [ptr, i32], returns: i32 },
  removexattr: { args: [ptr, ptr], returns: i32 },
  posix_fadvise: { args: [i32, FFIType.i64, FFIType.i64, i32], returns: i32 },
  // The first word is the number of the system call, the others are for cachestat.
  syscall: { args: [FFIType.i64, FFIType.i64, ptr, ptr, FFIType.i64], returns: FFIType.i64 },
  socket: { args: [i32, i32, i32], returns: i32 },
  sendto: { args: [i32, ptr, u64, i32, ptr, i32], returns: FFIType.i64 },
  bind: { args: [i32, ptr, i32], returns: i32 },
  close: { args: [i32], returns: i32 },
  clock_settime: { args: [i32, ptr], returns: i32 },
  ioctl: { args: [i32, u64, ptr], returns: i32 },
  timerfd_create: { args: [i32, i32], returns: i32 },
  timerfd_settime: { args: [i32, i32, ptr, ptr], returns: i32 },
  __errno_location: { args: [], returns: ptr },
});

/**
 * Throws with errno's name when a call has failed; it has to follow the call at once, before anything else sets errno.
 */
function check(what: string, target: string, status: number): void {
  if (status >= 0) return;
  const address = linux().__errno_location();
  const errno = address === null ? 0 : read.i32(address, 0);
  const code = Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
  throw Object.assign(new Error(`${what} ${target}: ${code}`), { code });
}
