/** Looks at entries of the host's /tmp, of which the guest's kernel may remember what they were. */
import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, opendir, readdir } from "node:fs/promises";
import { dirname } from "node:path";
import { isErrno } from "../../system/files.ts";
import { dropCachedPages, O_PATH } from "../../system/libc.ts";
import type { Entry } from "./plan.ts";

/** The reason when a path leads through a file, or through what the kernel remembers as one. */
export const belowFile = "it lies below a file";

/** What is at a path, and when it last changed, in nanoseconds; nothing when there is nothing. Throws the system's error. */
export async function entryAt(path: string): Promise<(Entry & { readonly changedNs: bigint }) | undefined> {
  try {
    const stats = await lstat(path, { bigint: true });
    const kind = stats.isDirectory() ? "folder" : stats.isFile() ? "file" : "other";
    return { kind, id: `${stats.dev}:${stats.ino}`, changedNs: stats.ctimeNs };
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR") || isErrno(error, "ESTALE")) return undefined;
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

/**
 * Why an entry may not be what the host has there: it has become another kind of entry while somebody holds it. Nothing when
 * it is what it seems to be, or nowhere. With `createMissing` one that is missing is made on the host. Throws the
 * system's error.
 */
export async function whyStale(path: string, createMissing: boolean): Promise<string | undefined> {
  let entry: Entry | undefined;
  try {
    if (createMissing) await createIfMissing(path);
    else await lstat(path);
    entry = await entryAt(path);
  } catch (error) {
    if (isErrno(error, "ENOTDIR")) return belowFile;
    if (createMissing) throw error;
  }
  if (entry === undefined || entry.kind === "other" || (await isOfKind(path, entry.kind))) return undefined;
  return `it was a ${entry.kind} before, which a running container still holds`;
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
