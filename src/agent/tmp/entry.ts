/** Looks at entries of the host's /tmp, of which the guest's kernel may remember what they were. */
import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, opendir, readdir } from "node:fs/promises";
import { dirname } from "node:path";
import { isErrno } from "../../system/files.ts";
import { dropCachedPages, O_PATH } from "../../system/libc.ts";
import type { Entry } from "./plan.ts";

/** The reason when a path leads through a file, or through what the kernel remembers as one. */
export const belowFile = "it lies below a file";

/** An entry, and when it last changed, in nanoseconds. */
export type DatedEntry = Entry & { readonly changedNs: bigint };

/** What is at a path; nothing when there is nothing. Throws the system's error. */
export async function entryAt(path: string): Promise<DatedEntry | undefined> {
  try {
    return await entryThere(path);
  } catch (error) {
    if (isMissing(error) || isErrno(error, "ENOTDIR")) return undefined;
    throw error;
  }
}

/** Whether there is more at a path of the guest's than an empty file or folder, such as a mount point that was left behind. */
export async function holdsSomething(path: string): Promise<boolean> {
  try {
    const stats = await lstat(path);
    if (stats.isDirectory()) return (await readdir(path)).length > 0;
    return !stats.isFile() || stats.size > 0;
  } catch {
    return false;
  }
}

/** Keeps the kernel from forgetting a name until the handle is closed; nothing when there is no such name. */
export async function holdName(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, O_PATH | constants.O_NOFOLLOW);
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
export async function lookAt(path: string, createMissing: boolean): Promise<Look> {
  let entry: DatedEntry | undefined;
  try {
    entry = await entryThere(path);
  } catch (error) {
    if (isErrno(error, "ENOTDIR")) return { whyStale: belowFile };
    if (createMissing && !isMissing(error)) throw error;
    if (createMissing) return await lookAtNew(path);
  }
  if (entry === undefined || entry.kind === "other" || (await isOfKind(path, entry.kind))) return { entry };
  return { entry, whyStale: `it was a ${entry.kind} before, which a running container still holds` };
}

/**
 * Whether the host has an entry of this kind at a path: its own answer, which the kernel asks for when the content is read.
 * What the kernel has cached of a file that somebody holds is dropped: QEMU finds a file by its path, so that even a
 * file that was replaced is read anew.
 */
export function isOfKind(path: string, kind: "file" | "folder"): Promise<boolean> {
  return kind === "folder" ? canBeListed(path) : canBeRead(path);
}

// --- internal ---

async function entryThere(path: string): Promise<DatedEntry> {
  const stats = await lstat(path, { bigint: true });
  const kind = stats.isDirectory() ? "folder" : stats.isFile() ? "file" : "other";
  return { kind, id: `${stats.dev}:${stats.ino}`, changedNs: stats.ctimeNs };
}

function isMissing(error: unknown): boolean {
  return isErrno(error, "ENOENT") || isErrno(error, "ESTALE");
}

/** Makes a folder that is missing, and looks at it: nobody holds what was made a moment ago. */
async function lookAtNew(path: string): Promise<Look> {
  try {
    await createIfMissing(path);
  } catch (error) {
    if (isErrno(error, "ENOTDIR")) return { whyStale: belowFile };
    throw error;
  }
  return { entry: await entryAt(path) };
}

/** A file that may not be read is one. */
async function canBeRead(path: string): Promise<boolean> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    await file.stat();
    dropCachedPages(file.fd);
    await file.read(Buffer.alloc(1), 0, 1, 0);
    return true;
  } catch (error) {
    return isErrno(error, "EACCES") || isErrno(error, "EPERM");
  }
}

async function canBeListed(path: string): Promise<boolean> {
  try {
    const folder = await opendir(path);
    try {
      await folder.read();
      return true;
    } finally {
      await folder.close();
    }
  } catch {
    return false;
  }
}

async function createIfMissing(path: string): Promise<void> {
  if ((await entryAt(path)) !== undefined) return;
  await createIfMissing(dirname(path));
  try {
    await mkdir(path);
  } catch (error) {
    // A dangling link, or somebody else was faster: Docker then says itself what is wrong with the path.
    if (!isErrno(error, "EEXIST")) throw error;
  }
}
