/** Puts another version in the place of an installed qn: at every moment there is the old program or the new one. */
import { chmod, copyFile, link, mkdir, open, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { messageOf, QnError } from "../../base/errors.ts";
import { isThere } from "../../system/files.ts";
import { awaitLock, type Lock, lockFolder } from "../../system/kernel/lock.ts";
import { run } from "../../system/process.ts";
import { fetchArchive, type FetchArchive } from "./fetch-archive.ts";
import { programFiles, targetOf } from "./files.ts";
import type { Install } from "./find-install.ts";
import type { Offer } from "./offer.ts";
import { formatReceipt, receiptFile } from "./receipt.ts";

/**
 * Installs what is offered, and keeps the program that was there beside it. Throws as `fetchArchive`, UPGRADE_FAILED
 * when the new program does not run here, VM_BUSY while another upgrade is at work, and the system's errors; the old
 * program is in its place then.
 */
export async function upgradeTo(offer: Offer, { prefix, receipt }: Install, how: FetchArchive): Promise<void> {
  const turn = await turnAt(prefix);
  const next = join(prefix, programFiles.next);
  try {
    const unpacked = await fetchArchive(offer, how);
    await stage(join(unpacked, programFiles.now), next, 0o755);
    const said = await versionOf(next);
    if (said !== offer.version) {
      throw new QnError("UPGRADE_FAILED", `The program of qn ${offer.version} does not run here: it says "${said}".`);
    }
    const files = await knownFiles(unpacked);
    const targets = [...files.map(([, target]) => target), programFiles.previous];
    const writeReceipt = async (all: readonly string[]): Promise<void> => {
      const written = join(how.cacheFolder, "install.json");
      await writeFile(written, formatReceipt({ ...receipt, files: [...all] }));
      await put(written, join(prefix, receiptFile));
    };
    await writeReceipt([...receipt.files, ...targets]);
    for (const [path, target] of files) {
      if (target !== programFiles.now) await put(join(unpacked, path), join(prefix, target));
    }
    await keep(await linkAside(prefix), prefix);
    await rename(next, join(prefix, programFiles.now));
    for (const old of receipt.files.filter((file) => !targets.includes(file)))
      await rm(join(prefix, old), { force: true });
    await writeReceipt(targets);
    await rm(how.cacheFolder, { recursive: true, force: true });
  } finally {
    await rm(next, { force: true });
    turn.release();
  }
}

/**
 * Exchanges the program and the one before it, and gives back that one's version. Throws UPGRADE_REFUSED when there is
 * none, or it does not run; VM_BUSY, and the system's errors.
 */
export async function rollBack({ prefix }: Install): Promise<string> {
  const turn = await turnAt(prefix);
  try {
    return await exchange(prefix);
  } finally {
    turn.release();
  }
}

// --- internal ---

/** How long a program may take to say its version; one that is new to a Mac is looked at first. */
const versionMs = 60_000;

/** One at a time; what a killed one has started may hold its lock for a moment. */
async function turnAt(prefix: string): Promise<Lock> {
  return await awaitLock(dirname(join(prefix, receiptFile)), lockFolder);
}

async function exchange(prefix: string): Promise<string> {
  const previous = join(prefix, programFiles.previous);
  if (!(await isThere(previous))) throw new QnError("UPGRADE_REFUSED", `There is no ${previous} to go back to.`);
  const version = await versionOf(previous);
  if (!/^\d/.test(version)) throw new QnError("UPGRADE_REFUSED", `${previous} does not run: it says "${version}".`);
  const aside = await linkAside(prefix);
  await rename(previous, join(prefix, programFiles.now));
  await keep(aside, prefix);
  return version;
}

/** What a program says first when it is asked for its version; what stands in the way where it does not. */
async function versionOf(program: string): Promise<string> {
  try {
    const { stdout, stderr } = await run([program, "--version"], { deadlineMs: versionMs });
    return /^\S+/.exec(stdout)?.[0] ?? stderr.trim().slice(-300);
  } catch (error) {
    return messageOf(error);
  }
}

/** Makes a copy that is on the disk before it gets its name. */
async function stage(from: string, to: string, mode: number): Promise<void> {
  await rm(to, { force: true });
  await copyFile(from, to);
  await chmod(to, mode);
  await using file = await open(to, "r");
  await file.sync();
}

/** The files of an archive that this qn knows, each with its place below the prefix. */
async function knownFiles(unpacked: string): Promise<readonly (readonly [path: string, target: string])[]> {
  const entries = await readdir(unpacked, { recursive: true });
  return entries.flatMap((path) => {
    const target = targetOf(path);
    return target === undefined ? [] : [[path, target] as const];
  });
}

/** Puts a file in place in one step. Its name on the way is always the same: what a kill leaves, the next one takes. */
async function put(from: string, to: string): Promise<void> {
  const next = join(dirname(to), basename(programFiles.next));
  await mkdir(dirname(to), { recursive: true });
  try {
    await stage(from, next, 0o644);
    await rename(next, to);
  } finally {
    await rm(next, { force: true });
  }
}

/** Makes a program the one before. */
async function keep(program: string, prefix: string): Promise<void> {
  await rename(program, join(prefix, programFiles.previous));
  // An upgrade that was killed may have left two names of one file: then rename(2) does nothing.
  await rm(program, { force: true });
}

/** A second name for the program; a copy, where the file system has no second names. */
async function linkAside(prefix: string): Promise<string> {
  const program = join(prefix, programFiles.now);
  const aside = join(prefix, programFiles.aside);
  await rm(aside, { force: true });
  await link(program, aside).catch(() => stage(program, aside, 0o755));
  return aside;
}
