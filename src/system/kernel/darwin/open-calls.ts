/** What opens files on a Mac, and tells what is open. */
import { outcome } from "../errno.ts";
import * as flag from "../file-flags.ts";
import { allocate, type Block, copyMemory } from "../memory.ts";
import { FilesByName } from "./by-name.ts";
import { libc } from "./calls.ts";
import { type Entries, fileIn, linuxEntries, statBytes, typeIn } from "./layouts.ts";
import { Listings } from "./listings.ts";
import * as darwin from "./numbers.ts";

export const EPERM = -1;
export const EACCES = -13;
export const EOPNOTSUPP = -95;
export const ESTALE = -116;

/** Descriptors that are no file of their own, and folders that are read. */
export const byName = new FilesByName();
export const listings = new Listings(readAll);

/** openat(2); always with O_CLOEXEC. A file without a name cannot be had. */
export function openAt(dir: number, path: number, flags: number, mode = 0): number {
  if (byName.has(dir)) return EACCES;
  if (darwin.isUnnamed(flags)) return EOPNOTSUPP;
  const folder = darwin.folderFdOf(dir);
  if (!darwin.isPathOnly(flags)) return openat(folder, path, darwin.openFlagsOf(flags), mode);
  if ((flags & flag.O_NOFOLLOW) !== 0) return openWithoutReading(folder, path);
  return openat(folder, path, darwin.O_EVTONLY | darwin.openFlagsOf(flags));
}

/** Closes a descriptor. */
export function closeFd(fd: number): void {
  byName.remove(fd);
  listings.close(fd);
  libc().close(fd);
}

/**
 * Opens what `fd` stands for: by where the kernel says that it is now (F_GETPATH), and only if that is the very file. A
 * file that has no name any more cannot be opened again.
 */
export function reopenFd(fd: number, flags: number): number {
  const named = byName.get(fd);
  if ((flags & flag.O_DIRECTORY) !== 0) {
    if (named !== undefined) return EACCES;
    const folder = openat(fd, blocks().self.address, darwin.openFlagsOf(flags), 0);
    if (folder >= 0) listings.open(folder);
    return folder;
  }
  // Emptied when it is known which file it is; and what has come to the name may be a FIFO.
  const careful = darwin.openFlagsOf((flags & ~flag.O_TRUNC) | flag.O_NONBLOCK);
  const opened =
    named === undefined
      ? openat(darwin.folderFdOf(flag.AT_FDCWD), pathOf(fd), careful | darwin.O_NOFOLLOW_ANY, 0)
      : openat(fd, byName.addressOf(named), careful | darwin.openFlagsOf(flag.O_NOFOLLOW), 0);
  if (opened < 0) return opened;
  const wanted = fileOf(fd);
  const isSame = wanted !== undefined && fileOf(opened) === wanted;
  const status = isSame && (flags & flag.O_TRUNC) !== 0 ? outcome(() => libc().ftruncate(opened, 0)) : 0;
  if (isSame && status >= 0) return opened;
  libc().close(opened);
  return isSame ? status : ESTALE;
}

/** Writes macOS' struct stat of a descriptor to the block that this gives; an error's number when it cannot. */
export function look(fd: number): DataView | number {
  const { stat } = blocks();
  const named = byName.get(fd);
  const status =
    named === undefined ? outcome(() => libc().fstat64(fd, stat.address)) : lookAt(fd, byName.addressOf(named));
  if (typeof status !== "number") return named !== undefined && fileIn(status) !== named.file ? ESTALE : status;
  return status < 0 ? status : stat.view;
}

/** The same of a name in a folder, of a link itself. */
export function lookAt(dir: number, path: number): DataView | number {
  const { stat } = blocks();
  const { AT_SYMLINK_NOFOLLOW } = darwin;
  const status = outcome(() => libc().fstatat64(darwin.folderFdOf(dir), path, stat.address, AT_SYMLINK_NOFOLLOW));
  return status < 0 ? status : stat.view;
}

/** Which file is open; nothing where that cannot be said. */
export function fileOf(fd: number): string | undefined {
  const stat = look(fd);
  return typeof stat === "number" ? undefined : fileIn(stat);
}

/** The address of the path of what is open, good until the next one is asked for; an empty one where it has none. */
export function pathOf(fd: number): number {
  const { path } = blocks();
  path.view.setUint8(0, 0);
  outcome(() => libc().__fcntl(fd, darwin.F_GETPATH, path.address));
  return path.address;
}

// --- internal ---

const fileTypes = { folder: 4, regular: 8 } as const;
const entriesBytes = 64 * 1024;

let made: Record<"stat" | "path" | "self" | "entries", Block> | undefined;

function blocks(): NonNullable<typeof made> {
  if (made !== undefined) return made;
  const self = allocate(8);
  self.bytes.set(Buffer.from(".\0"));
  made = {
    stat: allocate(statBytes),
    path: allocate(darwin.pathBytes),
    self,
    // Behind them the position that the kernel tells.
    entries: allocate(entriesBytes + 8),
  };
  return made;
}

function openat(dir: number, path: number, flags: number, mode = 0): number {
  return outcome(() => libc().__openat(dir, path, flags, mode));
}

/** Files and folders that may be read are opened, of all else the name is kept. */
function openWithoutReading(dir: number, path: number): number {
  const stat = lookAt(dir, path);
  if (typeof stat === "number") return stat;
  const [type, file] = [typeIn(stat), fileIn(stat)];
  const careful = darwin.openFlagsOf(flag.O_NOFOLLOW | flag.O_NONBLOCK);
  if (type === fileTypes.regular || type === fileTypes.folder) {
    let opened = openat(dir, path, darwin.O_EVTONLY | careful);
    if (type === fileTypes.folder && isRefused(opened)) opened = openat(dir, path, darwin.O_SEARCH | careful);
    if (!isRefused(opened)) return opened;
  }
  return standIn(dir, path, file);
}

const isRefused = (status: number): boolean => status === EACCES || status === EPERM;

function standIn(dir: number, path: number, file: string): number {
  const fd = outcome(() => libc().dup(dir));
  if (fd < 0) return fd;
  libc().ioctl(fd, darwin.FIOCLEX);
  const { path: copy } = blocks();
  const length = Math.min(Number(libc().strlen(path)), darwin.pathBytes - 1);
  copyMemory(copy.address, path, length);
  byName.add(fd, copy.bytes.slice(0, length), file);
  return fd;
}

function readAll(fd: number): readonly Entries[] | number {
  const { entries } = blocks();
  const status = outcome(() => Number(libc().lseek(fd, 0, 0)));
  if (status < 0) return status;
  const all: Entries[] = [];
  for (let count = 0; ;) {
    const { address, view } = entries;
    const got = outcome(() => Number(libc().__getdirentries64(fd, address, entriesBytes, address + entriesBytes)));
    if (got < 0) return got;
    if (got === 0) return all;
    const read = linuxEntries(view, got, count);
    count += read.count;
    all.push(read);
  }
}
