/** Files by descriptor and name (file-calls.ts) where the host is Linux: nothing is converted. */
import { FFIType } from "bun:ffi";
import { outcome, outcomeOfOne } from "../errno.ts";
import { AT_FDCWD, O_CLOEXEC } from "../file-flags.ts";
import { fromLibrary } from "../library.ts";
import { allocate, type Block, copyMemory } from "../memory.ts";

const AT_SYMLINK_FOLLOW = 0x400;

const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
/** STATX_BASIC_STATS and STATX_BTIME. */
const STATX_ALL = 0xfff;
const RWF_APPEND = 0x10;
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const ENAMETOOLONG = -36;
/** The longest name of `listenIn` (unix(7)). */
const boundNameMax = 107;
/** So many clients may have come before somebody takes them: one more that does not wait is refused. */
const backlog = 1_024;

/** Opens `path` below the folder `dir` (openat(2)); always with O_CLOEXEC. */
export function openAt(dir: number, path: number, flags: number, mode = 0): number {
  return outcome(() => libc().openat(dir, path, flags | O_CLOEXEC, mode));
}

/** Closes a descriptor. */
export function closeFd(fd: number): void {
  libc().close(fd);
}

/** Writes what is known of a name in a folder, a link itself (statx(2)), into struct statx at `to`. */
export function statAt(dir: number, path: number, to: number): number {
  return outcome(() => libc().statx(dir, path, AT_SYMLINK_NOFOLLOW, STATX_ALL, to));
}

/** The same of what a descriptor stands for, one of O_PATH too. */
export function statFd(fd: number, to: number): number {
  return outcome(() => libc().statx(fd, empty().address, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_ALL, to));
}

/** mkdirat(2). */
export function mkdirAt(dir: number, path: number, mode: number): number {
  return outcome(() => libc().mkdirat(dir, path, mode));
}

/** mknodat(2); `device` has the kernel's 32-bit form. */
export function mknodAt(dir: number, path: number, mode: number, device: number): number {
  return outcome(() => libc().mknodat(dir, path, mode, device));
}

/**
 * Makes a socket in the folder `dir`, its name the `length` bytes at `name`, and listens on it: one that mknod(2) makes
 * answers nobody ever. It is bound to its bare name, which is no path. Gives the listener, which does not wait for
 * clients, or an error's number, which is not mknod(2)'s.
 */
export function listenIn(dir: number, name: number, length: number, mode: number): number {
  if (length > boundNameMax) return ENAMETOOLONG;
  const c = libc();
  const fd = outcome(() => c.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd < 0) return fd;
  const { address, view } = (socketAddress ??= allocate(2 + boundNameMax + 1));
  view.setUint16(0, AF_UNIX, true);
  copyMemory(address + 2, name, length);
  // Its file has this mode from its first moment on (unix_bind_bsd): nobody else comes in by it before.
  let status = outcome(() => c.fchmod(fd, mode));
  if (status >= 0) status = outcome(() => c.fchdir(dir));
  if (status >= 0) status = outcome(() => c.bind(fd, address, 2 + length));
  if (status >= 0) status = outcome(() => c.listen(fd, backlog));
  // No folder of the share's is held in use by it.
  outcome(() => c.chdir(slash().address));
  if (status >= 0) return fd;
  c.close(fd);
  return status;
}

/** symlinkat(2). */
export function symlinkAt(target: number, dir: number, path: number): number {
  return outcome(() => libc().symlinkat(target, dir, path));
}

/** Another name for what the descriptor `fd` stands for, a link itself (linkat(2) through /proc). */
export function linkFdAt(fd: number, dir: number, path: number): number {
  return outcome(() => libc().linkat(AT_FDCWD, procPath(fd), dir, path, AT_SYMLINK_FOLLOW));
}

/** unlinkat(2); `flags` is 0 or AT_REMOVEDIR. */
export function unlinkAt(dir: number, path: number, flags: number): number {
  return outcome(() => libc().unlinkat(dir, path, flags));
}

/** renameat2(2). */
export function renameAt(from: number, path: number, to: number, newPath: number, flags: number): number {
  return outcome(() => libc().renameat2(from, path, to, newPath, flags));
}

/** The target of the link that `fd` (O_PATH) stands for, into `length` bytes at `to` (readlinkat(2)). */
export function readLinkFd(fd: number, to: number, length: number): number {
  return outcome(() => Number(libc().readlinkat(fd, empty().address, to, length)));
}

/** chmod(2) of what `fd` stands for, one of O_PATH too. */
export function chmodFd(fd: number, mode: number): number {
  return outcome(() => libc().fchmodat(AT_FDCWD, procPath(fd), mode, 0));
}

/** chown(2) of what `fd` stands for; -1 leaves user or group. */
export function chownFd(fd: number, uid: number, gid: number): number {
  return outcome(() => libc().fchownat(fd, empty().address, uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW));
}

/** utimensat(2) of what `fd` stands for; `times` is the address of two struct timespec. */
export function setTimesFd(fd: number, times: number): number {
  return outcome(() => libc().utimensat(AT_FDCWD, procPath(fd), times, 0));
}

/** Opens what `fd` (O_PATH) stands for: the very file, wherever its name has gone. */
export function reopenFd(fd: number, flags: number): number {
  return openAt(AT_FDCWD, procPath(fd), flags);
}

/** ftruncate(2). */
export function truncateFd(fd: number, size: number): number {
  return outcome(() => libc().ftruncate(fd, size));
}

/** preadv(2): `vectors` is the address of `count` struct iovec. */
export function readVectors(fd: number, vectors: number, count: number, offset: number): number {
  return outcome(() => Number(libc().preadv(fd, vectors, count, offset)));
}

/** pwritev2(2); at the file's end, wherever it is by then, when `atEnd` is set. */
export function writeVectors(fd: number, vectors: number, count: number, offset: number, atEnd: boolean): number {
  return outcome(() => Number(libc().pwritev2(fd, vectors, count, offset, atEnd ? RWF_APPEND : 0)));
}

/** fsync(2), or fdatasync(2). */
export function syncFd(fd: number, dataOnly: boolean): number {
  return outcomeOfOne(() => (dataOnly ? libc().fdatasync(fd) : libc().fsync(fd)));
}

/** syncfs(2). */
export function syncFileSystem(fd: number): number {
  return outcomeOfOne(() => libc().syncfs(fd));
}

/** fallocate(2). */
export function allocateFd(fd: number, mode: number, offset: number, length: number): number {
  return outcome(() => libc().fallocate(fd, mode, offset, length));
}

/** lseek(2). */
export function seekFd(fd: number, offset: number | bigint, whence: number): number {
  return outcome(() => Number(libc().lseek(fd, offset, whence)));
}

/** copy_file_range(2); `offsets` is the address of the two offsets, 64 bits each, input first. */
export function copyRange(from: number, to: number, offsets: number, length: number): number {
  return outcome(() => Number(libc().copy_file_range(from, offsets, to, offsets + 8, length, 0)));
}

/** getdents64(2): entries of the folder, as struct linux_dirent64, into `length` bytes at `to`. */
export function readFolder(fd: number, to: number, length: number): number {
  return outcome(() => Number(libc().getdents64(fd, to, length)));
}

/** fstatfs(2): struct statfs, 120 bytes on 64-bit Linux, at `to`. */
export function statFileSystem(fd: number, to: number): number {
  return outcome(() => libc().fstatfs(fd, to));
}

/** getxattr(2) of what `fd` stands for; with length 0 the attribute's length. */
export function getAttribute(fd: number, name: number, to: number, length: number): number {
  return outcome(() => Number(libc().getxattr(procPath(fd), name, to, length)));
}

/** getxattr(2) where it is all the same why there is none: the length, or -1. */
export function findAttribute(fd: number, attribute: number, to: Block): number {
  return Number(libc().getxattr(procPath(fd), attribute, to.address, to.bytes.length));
}

/** The same of the name of `length` bytes at `name` in the folder `dir`, of a link itself (lgetxattr(2)). */
export function findAttributeAt(dir: number, name: number, length: number, attribute: number, to: Block): number {
  return Number(libc().lgetxattr(procPath(dir, name, length), attribute, to.address, to.bytes.length));
}

/** setxattr(2). */
export function setAttribute(fd: number, name: number, value: number, length: number, flags: number): number {
  return outcome(() => libc().setxattr(procPath(fd), name, value, length, flags));
}

/** listxattr(2). */
export function listAttributes(fd: number, to: number, length: number): number {
  return outcome(() => Number(libc().listxattr(procPath(fd), to, length)));
}

/** removexattr(2). */
export function removeAttributeFd(fd: number, name: number): number {
  return outcome(() => libc().removexattr(procPath(fd), name));
}

// --- internal ---

let emptyText: Block | undefined;
let procText: Block | undefined;
let slashText: Block | undefined;
let socketAddress: Block | undefined;

/** The empty path, which with AT_EMPTY_PATH means the descriptor itself. */
function empty(): Block {
  return (emptyText ??= allocate(8));
}

/** The path of the root. */
function slash(): Block {
  if (slashText === undefined) (slashText = allocate(8)).bytes.set([47]);
  return slashText;
}

const procPrefix = "/proc/self/fd/";
/** NAME_MAX. */
const nameMax = 255;

/** The address of /proc/self/fd/N, or of a name in it, good until the next one is asked for. */
function procPath(fd: number, name = 0, length = 0): number {
  if (procText === undefined) {
    procText = allocate(64 + nameMax);
    procText.bytes.set(Buffer.from(procPrefix));
  }
  const { bytes, address } = procText;
  let digits = 1;
  for (let rest = fd; rest >= 10; rest = Math.floor(rest / 10)) digits += 1;
  let rest = fd;
  for (let at = procPrefix.length + digits; at > procPrefix.length; rest = Math.floor(rest / 10)) {
    at -= 1;
    bytes[at] = 48 + (rest % 10);
  }
  const end = procPrefix.length + digits;
  bytes[end] = 0;
  if (length === 0) return address;
  bytes[end] = 47;
  copyMemory(address + end + 1, name, Math.min(length, nameMax));
  bytes[end + 1 + Math.min(length, nameMax)] = 0;
  return address;
}

const { i32, u32, i64_fast, u64_fast } = FFIType;
/** Addresses are numbers here. */
const at = u64_fast;

const libc = fromLibrary({
  openat: { args: [i32, at, i32, u32], returns: i32 },
  close: { args: [i32], returns: i32 },
  statx: { args: [i32, at, i32, u32, at], returns: i32 },
  mkdirat: { args: [i32, at, u32], returns: i32 },
  mknodat: { args: [i32, at, u32, u64_fast], returns: i32 },
  socket: { args: [i32, i32, i32], returns: i32 },
  fchmod: { args: [i32, u32], returns: i32 },
  fchdir: { args: [i32], returns: i32 },
  chdir: { args: [at], returns: i32 },
  bind: { args: [i32, at, u32], returns: i32 },
  listen: { args: [i32, i32], returns: i32 },
  symlinkat: { args: [at, i32, at], returns: i32 },
  linkat: { args: [i32, at, i32, at, i32], returns: i32 },
  unlinkat: { args: [i32, at, i32], returns: i32 },
  renameat2: { args: [i32, at, i32, at, u32], returns: i32 },
  readlinkat: { args: [i32, at, at, u64_fast], returns: i64_fast },
  fchmodat: { args: [i32, at, u32, i32], returns: i32 },
  fchownat: { args: [i32, at, i32, i32, i32], returns: i32 },
  utimensat: { args: [i32, at, at, i32], returns: i32 },
  ftruncate: { args: [i32, i64_fast], returns: i32 },
  preadv: { args: [i32, at, i32, i64_fast], returns: i64_fast },
  pwritev2: { args: [i32, at, i32, i64_fast, i32], returns: i64_fast },
  fsync: { args: [i32], returns: i32 },
  fdatasync: { args: [i32], returns: i32 },
  syncfs: { args: [i32], returns: i32 },
  fallocate: { args: [i32, i32, i64_fast, i64_fast], returns: i32 },
  lseek: { args: [i32, i64_fast, i32], returns: i64_fast },
  copy_file_range: { args: [i32, at, i32, at, u64_fast, u32], returns: i64_fast },
  getdents64: { args: [i32, at, u64_fast], returns: i64_fast },
  fstatfs: { args: [i32, at], returns: i32 },
  getxattr: { args: [at, at, at, u64_fast], returns: i64_fast },
  lgetxattr: { args: [at, at, at, u64_fast], returns: i64_fast },
  setxattr: { args: [at, at, at, u64_fast, i32], returns: i32 },
  listxattr: { args: [at, at, u64_fast], returns: i64_fast },
  removexattr: { args: [at, at], returns: i32 },
});
