/**
 * What takes more than one step with all of a VM's files: another name for them, and the files of a new VM that is a
 * copy. A note beside the data says so until it is done, and whoever looks for a VM takes back what a kill has left.
 */
import { readdirSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { QnError } from "../../base/errors.ts";
import { isErrno } from "../../system/errno.ts";
import { isThere } from "../../system/files.ts";
import { isVmName, layoutOf, type VmPaths } from "../layout.ts";

/**
 * Renames all files of a VM that is stopped; the caller holds its lock, and nothing has the new name. Throws VM_BUSY
 * while another VM takes its turn for seconds, and DISK_FAILED; then all has the old name.
 */
export async function renameFiles(from: VmPaths, to: VmPaths): Promise<void> {
  await inTurn(from, async () => {
    try {
      for (const step of await renameSteps(from, to)) await step();
    } catch (cause) {
      await takeBackRename(from, to);
      throw new QnError("DISK_FAILED", `${from.folder} cannot be renamed: ${String(cause)}.`, { cause });
    }
  });
}

/**
 * What `renameFiles` does, each a call of the system: a kill falls between two of them. The folder is the last to move.
 */
export async function renameSteps(from: VmPaths, to: VmPaths): Promise<readonly (() => Promise<unknown>)[]> {
  const note = renameNote(from, to);
  const moves = (await lastingPairs(from, to)).map(([old, next]) => async () => {
    if (await isThere(old)) await rename(old, next);
  });
  return [() => writeNote(note), ...moves, () => rename(from.folder, to.folder), () => rm(note)];
}

/**
 * Makes the folder of a new VM, and the rest of its files by `make`, and holds the VM's lock meanwhile. Throws what
 * `make` throws; then there is nothing of the VM.
 */
export async function makeFiles(paths: VmPaths, make: () => Promise<void>): Promise<void> {
  const { acquireLock } = await import("../../system/kernel/lock.ts");
  await mkdir(paths.folder, { mode: 0o700 });
  // Before the note, which whoever finds it takes for a dead one's where the lock is free.
  const lock = acquireLock(paths.lock);
  try {
    await writeNote(newNote(paths));
    await make();
    await rm(newNote(paths));
  } catch (error) {
    await takeBackNew(paths);
    throw error;
  } finally {
    lock?.release();
  }
}

/**
 * Takes back what killed commands have left unfinished in the QN_HOME of a VM, whichever VMs it is of; a look into a
 * folder where there is nothing. Throws VM_BUSY, and the system's errors.
 */
export async function settleUnfinished(paths: VmPaths): Promise<void> {
  if (notesIn(paths).length === 0) return;
  await inTurn(paths, async () => {
    // What was under way has ended meanwhile, and its note is gone.
    for (const takeBack of notesIn(paths)) await takeBack();
  });
}

// --- internal ---

/** One at a time in a QN_HOME, each for some milliseconds. What it takes is loaded when there is something to do. */
async function inTurn<Result>({ dataDisk }: VmPaths, action: () => Promise<Result>): Promise<Result> {
  const { awaitLock, lockFolder } = await import("../../system/kernel/lock.ts");
  await mkdir(dirname(dataDisk), { recursive: true, mode: 0o700 });
  const lock = await awaitLock(dirname(dataDisk), lockFolder);
  try {
    return await action();
  } finally {
    lock.release();
  }
}

/** Names of VMs have no dots in them. */
function renameNote(from: VmPaths, to: VmPaths): string {
  return join(dirname(from.dataDisk), `.rename.${from.name}.${to.name}`);
}

function newNote({ dataDisk, name }: VmPaths): string {
  return join(dirname(dataDisk), `.new.${name}`);
}

async function writeNote(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(path, "", { mode: 0o600, flag: "wx" });
}

/** What takes back each thing that a note is about. */
function notesIn(paths: VmPaths): readonly (() => Promise<void>)[] {
  const layout = layoutOf(dirname(paths.folder));
  return namesAtOnce(layout.data).flatMap((file) => {
    const [, kind, ...names] = file.split(".");
    const [first, second, ...more] = names.map((name) => (isVmName(name) ? layout.vm(name) : undefined));
    if (!file.startsWith(".") || first === undefined || more.length > 0) return [];
    if (kind === "new" && names.length === 1) return [() => takeBackKilled(first)];
    return kind === "rename" && second !== undefined ? [() => takeBackRename(first, second)] : [];
  });
}

/** At once: handing this to another thread takes longer than the look itself, and most commands take it. */
function namesAtOnce(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}

async function lastingPairs(from: VmPaths, to: VmPaths): Promise<readonly (readonly [old: string, next: string])[]> {
  const { lastingPaths } = await import("./own-disks.ts");
  const next = lastingPaths(to);
  return lastingPaths(from).map((old, index) => [old, next[index] ?? ""] as const);
}

/** Where the folder is not there any more under its old name, all is done but the note. */
async function takeBackRename(from: VmPaths, to: VmPaths): Promise<void> {
  if (await isThere(from.folder)) {
    for (const [old, next] of await lastingPairs(from, to)) {
      if ((await isThere(next)) && !(await isThere(old))) await rename(next, old);
    }
  }
  await rm(renameNote(from, to), { force: true });
}

async function takeBackNew(paths: VmPaths): Promise<void> {
  const { lastingPaths } = await import("./own-disks.ts");
  for (const place of [...lastingPaths(paths), paths.folder]) await rm(place, { recursive: true, force: true });
  await rm(newNote(paths), { force: true });
}

/** Whoever makes a VM holds its lock. */
async function takeBackKilled(paths: VmPaths): Promise<void> {
  const { acquireLock } = await import("../../system/kernel/lock.ts");
  const isMade = await isThere(paths.folder);
  const lock = isMade ? acquireLock(paths.lock) : undefined;
  if (isMade && lock === undefined) return;
  await takeBackNew(paths);
  lock?.release();
}
