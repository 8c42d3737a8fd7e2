/**
 * Files by descriptor and name (file-calls.ts) where the host is a Mac: Linux' words in and out, macOS' calls between.
 * Built from Apple's sources and never run on a Mac: what was tried of it was tried over a stand-in for the calls
 * (docs/decisions.md#d370). What a Mac has not, or not so that it could be told from its sources, is refused.
 */
import { outcome, outcomeOfOne } from "../errno.ts";
import * as flag from "../file-flags.ts";
import { allocate, type Block, copyMemory } from "../memory.ts";
import { statxBytes } from "../statx.ts";
import { libc } from "./calls.ts";
import { fileIn, linuxStatfsBytes, sizeIn, statfsBytes, writeStatfs, writeStatx } from "./layouts.ts";
import * as darwin from "./numbers.ts";
import {
  byName,
  closeFd,
  EACCES,
  EOPNOTSUPP,
  EPERM,
  ESTALE,
  fileOf,
  listings,
  look,
  lookAt,
  openAt,
  pathOf,
} from "./open-calls.ts";

export * from "./attribute-calls.ts";
export { closeFd, openAt, reopenFd } from "./open-calls.ts";

/** Writes what is known of a name in a folder, a link itself, into struct statx at `to`. */
export function statAt(dir: number, path: number, to: number): number {
  return byName.has(dir) ? EACCES : told(lookAt(dir, path), to);
}

/** The same of what a descriptor stands for. */
export function statFd(fd: number, to: number): number {
  return told(look(fd), to);
}

/** mkdirat(2). */
export function mkdirAt(dir: number, path: number, mode: number): number {
  return byName.has(dir) ? EACCES : outcome(() => libc().mkdirat(dir, path, mode));
}

/** An empty file; nothing else is made. */
export function mknodAt(dir: number, path: number, mode: number): number {
  if (mode >>> 12 !== regularFile) return EPERM;
  const fd = openAt(dir, path, flag.O_CREAT | flag.O_EXCL | flag.O_NOFOLLOW, mode & 0o7777);
  if (fd >= 0) closeFd(fd);
  return Math.min(fd, 0);
}

/** Nobody listens there: what a Mac's server makes of sockets is empty files. */
export function listenIn(..._call: readonly [dir: number, name: number, length: number, mode: number]): number {
  return EOPNOTSUPP;
}

/** symlinkat(2). */
export function symlinkAt(target: number, dir: number, path: number): number {
  return byName.has(dir) ? EACCES : outcome(() => libc().symlinkat(target, dir, path));
}

/** Another name for what the descriptor `fd` stands for, and for nothing that has come to its path meanwhile. */
export function linkFdAt(fd: number, dir: number, path: number): number {
  if (byName.has(dir)) return EACCES;
  const named = byName.get(fd);
  const from = named === undefined ? darwin.folderFdOf(flag.AT_FDCWD) : fd;
  const name = named === undefined ? pathOf(fd) : byName.addressOf(named);
  const status = outcome(() => libc().linkat(from, name, dir, path, 0));
  if (status < 0) return status;
  const made = lookAt(dir, path);
  if (typeof made !== "number" && fileIn(made) === (named?.file ?? fileOf(fd))) return 0;
  libc().unlinkat(dir, path, 0);
  return ESTALE;
}

/** unlinkat(2). */
export function unlinkAt(dir: number, path: number, flags: number): number {
  return byName.has(dir) ? EACCES : outcome(() => libc().unlinkat(dir, path, darwin.unlinkFlagsOf(flags)));
}

/** renameatx_np(2). */
export function renameAt(from: number, path: number, to: number, newPath: number, flags: number): number {
  if (byName.has(from) || byName.has(to)) return EACCES;
  return outcome(() => libc().renameatx_np(from, path, to, newPath, darwin.renameFlagsOf(flags)));
}

/** readlinkat(2). */
export function readLinkFd(fd: number, to: number, length: number): number {
  return ofFile(
    fd,
    () => EINVAL,
    (name) => Number(libc().readlinkat(fd, name, to, length)),
  );
}

/** fchmod(2). */
export function chmodFd(fd: number, mode: number): number {
  return ofFile(
    fd,
    () => libc().fchmod(fd, mode),
    (name) => libc().fchmodat(fd, name, mode, darwin.AT_SYMLINK_NOFOLLOW),
  );
}

/** fchown(2). */
export function chownFd(fd: number, uid: number, gid: number): number {
  return ofFile(
    fd,
    () => libc().fchown(fd, uid, gid),
    (name) => libc().fchownat(fd, name, uid, gid, darwin.AT_SYMLINK_NOFOLLOW),
  );
}

/** futimens(2); `times` is the address of two struct timespec. */
export function setTimesFd(fd: number, times: number): number {
  const { address, view } = blocks().times;
  copyMemory(address, times, timesBytes);
  for (const at of [8, 24]) view.setBigInt64(at, BigInt(darwin.nanosecondsOf(view.getUint32(at, true))), true);
  return ofFile(
    fd,
    () => libc().futimens(fd, address),
    (name) => libc().utimensat(fd, name, address, darwin.AT_SYMLINK_NOFOLLOW),
  );
}

/** ftruncate(2). */
export function truncateFd(fd: number, size: number): number {
  return outcome(() => libc().ftruncate(fd, size));
}

/** preadv(2). */
export function readVectors(fd: number, vectors: number, count: number, offset: number): number {
  return outcome(() => Number(libc().preadv(fd, vectors, count, offset)));
}

/** pwritev(2). Nothing writes to where the end is by then: it is asked for before. */
export function writeVectors(fd: number, vectors: number, count: number, offset: number, atEnd: boolean): number {
  const stat = atEnd ? look(fd) : undefined;
  if (typeof stat === "number") return stat;
  const from = stat === undefined ? offset : sizeIn(stat);
  return outcome(() => Number(libc().pwritev(fd, vectors, count, from)));
}

/** fsync(2), whatever is asked for. */
export function syncFd(fd: number): number {
  return outcomeOfOne(() => libc().fsync(fd));
}

/** All of the volume to the disk. */
export function syncFileSystem(fd: number): number {
  const { address, view } = blocks().word;
  view.setUint32(0, darwin.FSCTL_SYNC_WAIT, true);
  return outcomeOfOne(() => libc().ffsctl(fd, darwin.FSIOC_SYNC_VOLUME, address, 0));
}

/** Programs make room by writing then. */
export function allocateFd(): number {
  return EOPNOTSUPP;
}

/** Where data or a hole begins; or where a folder is to be read on. */
export function seekFd(fd: number, offset: number | bigint, whence: number): number {
  if (!listings.has(fd)) return outcome(() => Number(libc().lseek(fd, offset, darwin.whenceOf(whence))));
  listings.seek(fd, Number(offset));
  return 0;
}

/** The guest copies by itself then, and asks once. */
export function copyRange(): number {
  return ENOSYS;
}

/** Entries of the folder, as struct linux_dirent64, into `length` bytes at `to`. */
export function readFolder(fd: number, to: number, length: number): number {
  const { entries } = blocks();
  const used = listings.read(fd, entries.bytes.subarray(0, Math.min(length, entriesBytes)));
  if (used > 0) copyMemory(to, entries.address, used);
  return used;
}

/** Linux' struct statfs, 120 bytes, at `to`. */
export function statFileSystem(fd: number, to: number): number {
  const { statfs, linuxStatfs } = blocks();
  const status = outcome(() => libc().fstatfs64(fd, statfs.address));
  if (status < 0) return status;
  writeStatfs(linuxStatfs.view, statfs.view);
  copyMemory(to, linuxStatfs.address, linuxStatfsBytes);
  return 0;
}

// --- internal ---

const EINVAL = -22;
const ENOSYS = -38;
const regularFile = 8;
const timesBytes = 32;
const entriesBytes = 64 * 1024;

let made: Record<"statx" | "times" | "word" | "entries" | "statfs" | "linuxStatfs", Block> | undefined;

function blocks(): NonNullable<typeof made> {
  return (made ??= {
    statx: allocate(statxBytes),
    times: allocate(timesBytes),
    word: allocate(8),
    entries: allocate(entriesBytes),
    statfs: allocate(statfsBytes),
    linuxStatfs: allocate(linuxStatfsBytes),
  });
}

/** Calls by the descriptor, or by the name that it stands for, as long as that is the same file. */
function ofFile(fd: number, byFd: () => number, byItsName: (name: number) => number): number {
  const named = byName.get(fd);
  if (named === undefined) return outcome(byFd);
  const stat = look(fd);
  return typeof stat === "number" ? stat : outcome(() => byItsName(byName.addressOf(named)));
}

function told(stat: DataView | number, to: number): number {
  if (typeof stat === "number") return stat;
  const { address, view } = blocks().statx;
  writeStatx(view, stat);
  copyMemory(to, address, statxBytes);
  return 0;
}
