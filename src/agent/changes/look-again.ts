/** Has the guest's kernel forget what it believes of a name that the host has changed, and finish what it is at. */
import { link } from "node:fs/promises";
import { join } from "node:path";

/**
 * Has the kernel ask the host at once for what is at `path` in a share of virtiofs, of which it may believe for a time
 * what it has seen there (D139). A name that shall be new is always asked for (LOOKUP_EXCL, fs/fuse/dir.c), and with it
 * come size and times; a hard link to another file system is refused only after that (do_linkat in fs/namei.c), so that
 * nothing is ever made.
 */
export async function lookAgain(path: string): Promise<void> {
  // EEXIST where something is there, EXDEV where nothing is.
  await link("/proc", path).catch(() => {});
}

/**
 * Resolves when whoever is just making or removing a name in a folder has done so, and the kernel has told of it. That
 * takes the folder's lock from before the server is asked until the event is raised, and so does who wants to make this
 * name, which is refused behind the lock for its length (filename_create in fs/namei.c).
 */
export async function namesMade(folder: string): Promise<void> {
  await link("/proc", join(folder, tooLong)).catch(() => {});
}

// --- internal ---

/** More than a name may have anywhere, 9p (255) and FUSE (1,024) included, and less than a path. */
const tooLong = "n".repeat(2_000);
