/** The staging folder, in which a copy from a guest is unpacked, and what may come out of it. */
import { chmod, lstat, lutimes, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isErrno } from "../../system/errno.ts";
import { type Lock, lockFolder } from "../../system/kernel/lock.ts";
import type { Arrival } from "./arrival.ts";
import { asidePrefix, removeTree } from "./open-folder.ts";

/**
 * A folder that nobody else can look into, gone with all in it when it is disposed of. `isElsewhere` when it is on
 * another file system than the place of the copy, which no rename reaches then.
 */
export type StagingFolder = AsyncDisposable & { readonly folder: string; readonly isElsewhere: boolean };

/**
 * Makes a folder in `own`, the VM's folder, which no guest sees: where `final` goes a guest may write too. What copies
 * that were killed have left in `own` goes at this moment. Throws the system's error, also when nothing can be made
 * beside `final`.
 */
export async function makeStagingFolder(final: string, own: string): Promise<StagingFolder> {
  await sweep(own);
  const staging = await makeLocked(own);
  try {
    const probe = join(staging.folder, "probe");
    const beside = join(dirname(final), basename(staging.folder));
    await writeFile(probe, "", { flag: "wx" });
    const isElsewhere = !(await isRenamed(probe, beside));
    // Whether there is a right to write is told before anything has come.
    if (isElsewhere) await writeFile(beside, "", { flag: "wx" });
    await rm(beside);
    await rm(probe, { force: true });
    return { ...staging, isElsewhere };
  } catch (error) {
    await staging[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Holds what a guest has sent to what it has announced, one entry of that kind: its path, or nothing. Below it only
 * files, folders and links stay, none with set-user-id or like bits; everything else is told as sentences that name its
 * place at `final`.
 */
export async function tame(
  { folder }: StagingFolder,
  kind: Arrival["kind"],
  final: string,
): Promise<{ readonly arrived: string; readonly problems: string[] } | undefined> {
  const [name, ...others] = await readdir(folder);
  if (name === undefined || others.length > 0) return undefined;
  const arrived = join(folder, name);
  const facts = await lstat(arrived);
  if (!(kind === "folder" ? facts.isDirectory() : facts.isFile())) return undefined;
  return { arrived, problems: await tameEntry(arrived, final) };
}

// --- internal ---

async function isRenamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (isErrno(error, "EXDEV")) return false;
    throw error;
  }
}

/** A new folder with a lock on it, by which a sweep knows that its copy lives. */
async function makeLocked(parent: string): Promise<AsyncDisposable & { readonly folder: string }> {
  for (;;) {
    const folder = await mkdtemp(join(parent, asidePrefix));
    const lock = lockIfThere(folder);
    // A sweep that came between the two steps has the folder, and removes it.
    if (lock !== undefined) return { folder, [Symbol.asyncDispose]: () => drop(folder, lock) };
  }
}

async function sweep(own: string): Promise<void> {
  for (const name of await readdir(own)) {
    const lock = name.startsWith(asidePrefix) ? lockIfThere(join(own, name)) : undefined;
    if (lock !== undefined) await drop(join(own, name), lock);
  }
}

/** Locks a folder; nothing when another process has it, or has had it and it is gone. */
function lockIfThere(folder: string): Lock | undefined {
  try {
    return lockFolder(folder);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

async function drop(folder: string, lock: Lock): Promise<void> {
  try {
    await removeTree(folder);
  } finally {
    lock.release();
  }
}

async function tameEntry(path: string, final: string): Promise<string[]> {
  const facts = await lstat(path);
  if (facts.isSymbolicLink()) return [];
  if (!facts.isFile() && !facts.isDirectory()) {
    await rm(path);
    return [`${final} is neither a file, a folder nor a link, and was left out.`];
  }
  const mode = facts.mode & 0o777;
  const problems: string[] = [];
  let last = facts.mode & 0o7777;
  if (facts.isDirectory()) {
    if ((last & 0o700) !== 0o700) await chmod(path, (last = mode | 0o700));
    for (const name of await readdir(path)) problems.push(...(await tameEntry(join(path, name), join(final, name))));
    if (problems.length > 0) await lutimes(path, facts.atime, facts.mtime);
  }
  if (last !== mode) await chmod(path, mode);
  return problems;
}
