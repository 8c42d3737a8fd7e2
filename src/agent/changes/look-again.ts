/** Has the guest's kernel forget what it believes of a name that the host has changed. */
import { link } from "node:fs/promises";

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
