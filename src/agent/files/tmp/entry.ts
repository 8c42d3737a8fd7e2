/**
 * Looks at entries of the host's /tmp, of which the guest's kernel may remember what they were. All of it waits for the
 * host right here: what another thread asks of 9p takes an emulated guest many times as long (64 ms instead of 2.5 for
 * one lstat, on a busy machine), and Docker waits for some ten such calls.
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  opendirSync,
  openSync,
  readdirSync,
  readSync,
} from "node:fs";
import { dirname } from "node:path";
import { isErrno } from "../../../system/errno.ts";
import { dropCachedPages, O_PATH } from "../../../system/kernel/libc.ts";
import type { Entry } from "./mirror-plan.ts";

/** The reason when a path leads through a file, or through what the kernel remembers as one. */
export const belowFile = "it lies below a file";

/** An entry, and when it last changed, in nanoseconds. */
export type DatedEntry = Entry & { readonly changedNs: bigint };

/** What is at a path; nothing when there is nothing. Throws the system's error. */
export function entryAt(path: string): DatedEntry | undefined {
  try {
    return entryThere(path);
  } catch (error) {
    if (isMissing(error) || isErrno(error, "ENOTDIR")) return undefined;
    throw error;
  }
}

/**
 * Whether there is more at a path of the guest's than an empty file or folder, such as a mount point that was left
 * behind.
 */
export function holdsSomething(path: string): boolean {
  try {
    const stats = lstatSync(path);
    if (stats.isDirectory()) return readdirSync(path).length > 0;
    return !stats.isFile() || stats.size > 0;
  } catch {
    return false;
  }
}

/** Keeps the kernel from forgetting a name until this is disposed of; nothing when there is no such name. */
export function holdName(path: string): Disposable | undefined {
  try {
    const fd = openSync(path, O_PATH | constants.O_NOFOLLOW);
    return { [Symbol.dispose]: () => closeSync(fd) };
  } catch {
    return undefined;
  }
}

/** What is at a path, and why that may not be what the host has there; without a reason it is. */
export type Look = { readonly entry?: DatedEntry | undefined; readonly whyStale?: string };

/**
 * Looks at an entry of the host's. It may not be what it seems when it has become another kind of entry while somebody
 * holds it. With `createMissing` one that is missing is made on the host. Throws the system's error.
 */
export function lookAt(path: string, createMissing: boolean): Look {
  let entry: DatedEntry | undefined;
  try {
    entry = entryThere(path);
  } catch (error) {
    if (isErrno(error, "ENOTDIR")) return { whyStale: belowFile };
    if (createMissing && !isMissing(error)) throw error;
    if (createMissing) return lookAtNew(path);
  }
  if (entry === undefined || entry.kind === "other" || isOfKind(path, entry.kind)) return { entry };
  return { entry, whyStale: `it was a ${entry.kind} before, which a running container still holds` };
}

/**
 * Whether the host has an entry of this kind at a path: its own answer, which the kernel asks for when the content is
 * read. What the kernel has cached of a file that somebody holds is dropped: QEMU finds a file by its path, so that
 * even a file that was replaced is read anew.
 */
export function isOfKind(path: string, kind: "file" | "folder"): boolean {
  return kind === "folder" ? canBeListed(path) : canBeRead(path);
}

// --- internal ---

function entryThere(path: string): DatedEntry {
  const stats = lstatSync(path, { bigint: true });
  const kind = stats.isDirectory() ? "folder" : stats.isFile() ? "file" : "other";
  return { kind, id: `${stats.dev}:${stats.ino}`, changedNs: stats.ctimeNs };
}

function isMissing(error: unknown): boolean {
  return isErrno(error, "ENOENT") || isErrno(error, "ESTALE");
}

/** Makes a folder that is missing, and looks at it: nobody holds what was made a moment ago. */
function lookAtNew(path: string): Look {
  try {
    createIfMissing(path);
  } catch (error) {
    if (isErrno(error, "ENOTDIR")) return { whyStale: belowFile };
    throw error;
  }
  return { entry: entryAt(path) };
}

/** A file that may not be read is one. */
function canBeRead(path: string): boolean {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    fstatSync(fd);
    dropCachedPages(fd);
    readSync(fd, Buffer.alloc(1), 0, 1, 0);
    return true;
  } catch (error) {
    return isErrno(error, "EACCES") || isErrno(error, "EPERM");
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function canBeListed(path: string): boolean {
  try {
    const folder = opendirSync(path);
    try {
      folder.readSync();
      return true;
    } finally {
      folder.closeSync();
    }
  } catch {
    return false;
  }
}

function createIfMissing(path: string): void {
  if (entryAt(path) !== undefined) return;
  createIfMissing(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // A dangling link, or somebody else was faster: Docker then says itself what is wrong with the path.
    if (!isErrno(error, "EEXIST")) throw error;
  }
}
