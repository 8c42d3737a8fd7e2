/** Raises inotify events in the guest's kernel for a change that the host has made, and changes nothing there. */
import { constants } from "node:fs";
import { chown, open, stat } from "node:fs/promises";
import { dropCachedPages, isBeingWritten, removeAttribute } from "../../system/kernel/libc.ts";
import { raiseModified } from "../../system/kernel/uring.ts";
import type { Ended, Owner, Pin } from "./inode-pins.ts";

/** Bits of a mode: set-id files lose them with a change of owner, and who may run a file must not find it busy. */
const setIdBits = 0o6000;
const executableBits = 0o111;

/**
 * Raises the events of a changed file: IN_MODIFY, with the IN_OPEN and IN_CLOSE_WRITE around it, by a write of no
 * bytes. A program gets IN_ATTRIB instead, because on the host it could not be started while it is open for writing,
 * and so does a file of a read-only share. What the kernel had cached of the content is dropped first. A file that the
 * user of qn may not write raises nothing.
 */
export async function announceFile({ path, stats }: Pin): Promise<void> {
  if (!stats.isFile()) return;
  await dropPages(path);
  if ((stats.mode & executableBits) === 0 && (await raiseWritten(path))) return;
  if (!(await raiseAttrib(path, stats))) raiseLocally(path);
}

/**
 * Raises IN_ATTRIB of a folder, for those who watch it and for those who watch the folder that it lies in. In a
 * read-only share a folder cannot tell, but a file in it, `inside`, can: who watches the folder hears that, and looks
 * again.
 */
export async function announceFolder(
  { path, stats }: Pin,
  inside: () => string | undefined = () => undefined,
): Promise<void> {
  if (!stats.isDirectory() || (await raiseAttrib(path, stats))) return;
  const file = inside();
  if (file !== undefined) raiseLocally(file);
}

/**
 * Raises IN_ATTRIB of a file that is gone from a read-only share; elsewhere its folder tells. `path` is one of
 * /proc/self/fd.
 */
export function announceGone(path: string): void {
  raiseLocally(path);
}

/**
 * Raises IN_ATTRIB of what has no name any more in a share of virtiofs, since the host has removed it, or put something
 * else there. From the server's answer the kernel learns that no name leads to it, and raises IN_DELETE_SELF once
 * nobody holds it, as on one machine.
 */
export async function announceEnd({ path, owner }: Ended): Promise<void> {
  // The host may have renamed it, and given it to somebody else.
  const now = await stat(path).catch(() => owner);
  if (!(await raiseAttrib(path, now))) raiseLocally(path);
}

// --- internal ---

/**
 * How often pages are dropped once more because the file has changed meanwhile; the host tells of later changes anyway.
 */
const dropTriesMax = 5;

/**
 * Makes the next read ask the host. The kernel takes what lies behind the size that it first knew for zeros (netfs'
 * `zero_point`, seen on 6.12: a file that grew read as NULs) until it lets go of a page there: so the last one is read
 * first. It learns the size from the host only, and pages that went with a size from before a write would be zeros:
 * nothing is dropped while the guest itself has something to write, and all is done again when the size was another one
 * before.
 */
async function dropPages(path: string): Promise<void> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    for (let tries = 1; tries <= dropTriesMax; tries += 1) {
      // What the guest writes it has not read from anywhere, and its own arrival on the host is told again.
      if (isBeingWritten(file.fd)) return;
      // Brings the size up to date.
      const { size } = await file.stat();
      if (size > 0) await file.read(Buffer.alloc(1), 0, 1, size - 1);
      dropCachedPages(file.fd);
      if ((await file.stat()).size === size) return;
    }
  } catch {
    // What nobody may read is not cached either.
  }
}

/** Whether IN_MODIFY could be raised. */
async function raiseWritten(path: string): Promise<boolean> {
  try {
    await using file = await open(path, constants.O_WRONLY | constants.O_NONBLOCK);
    raiseModified(file.fd);
    return true;
  } catch {
    return false;
  }
}

/**
 * A change to the owner that it has: nothing changes but the time of the last such change. Whether IN_ATTRIB could be
 * raised by it.
 */
async function raiseAttrib(path: string, { uid, gid, mode }: Owner): Promise<boolean> {
  try {
    if ((mode & setIdBits) === 0) {
      await chown(path, uid, gid);
      return true;
    }
  } catch {
    // Another user's, or in a read-only share.
  }
  return false;
}

/**
 * Takes away what a file never has, a default access control list. The kernel says so to who watches (IN_ATTRIB) and
 * asks no file system; it refuses on all but what is mounted for it (shares.ts: read-only shares), and nothing is said
 * there.
 */
function raiseLocally(path: string): void {
  try {
    removeAttribute(path, "system.posix_acl_default");
  } catch {
    // A share that may be written to, or a kernel without access control lists.
  }
}
