/**
 * Folders that a guest may write to at the same time: held open, so that no link put in place of one leads anywhere
 * else.
 */
import { closeSync, constants, openSync } from "node:fs";
import { chmod, lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { O_PATH } from "../../system/kernel/libc.ts";

/** A folder that is held open until disposed of; `at` is its path, which names it wherever it has been moved. */
export type OpenFolder = Disposable & { readonly at: string };

/** How the names of folders begin in which copies lie before they take their places. */
export const asidePrefix = ".qn-cp.";

/**
 * Opens the folder at `path`, whatever its mode. Throws the system's error, ENOTDIR for a link too. Where there is no
 * /proc, on a Mac, `at` is `path` itself: a link is refused at this moment and not afterwards.
 */
export async function openFolder(path: string): Promise<OpenFolder> {
  if (process.platform !== "linux") {
    if (!(await lstat(path)).isDirectory()) throw Object.assign(new Error("not a folder"), { code: "ENOTDIR" });
    return { at: path, [Symbol.dispose]: () => {} };
  }
  const fd = openSync(path, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  return { at: `/proc/self/fd/${fd}`, [Symbol.dispose]: () => closeSync(fd) };
}

/** Removes a folder with all in it, folders that forbid it too. Nothing there is fine. */
export async function removeTree(folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
  } catch {
    await loosen(folder);
    await rm(folder, { recursive: true, force: true });
  }
}

// --- internal ---

async function loosen(path: string): Promise<void> {
  using folder = await openFolder(path);
  await chmod(folder.at, 0o700);
  for (const entry of await readdir(folder.at, { withFileTypes: true })) {
    if (entry.isDirectory()) await loosen(join(folder.at, entry.name));
  }
}
