/** Puts another version in the place of an installed qn: at every moment there is the old program or the new one. */
import { chmod, copyFile, link, mkdir, open, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { messageOf, QnError } from "../../base/errors.ts";
import { isThere } from "../../system/files.ts";
import { awaitLock, type Lock, lockFolder } from "../../system/kernel/lock.ts";
import { run } from "../../system/process.ts";
import { fetchArchive, type FetchArchive } from "./fetch-archive.ts";
import { isPrinted, programFiles, targetOf } from "./files.ts";
import type { Install } from "./find-install.ts";
import type { Offer } from "./offer.ts";
import { printFiles } from "./printed-files.ts";
import { formatReceipt, receiptFile } from "./receipt.ts";

/**
 * Installs what is offered, and keeps the program that was there beside it. Throws as `fetchArchive`, UPGRADE_FAILED
 * when the new program does not run here, VM_BUSY while another upgrade is at work, and the system's errors; the old
 * program is in its place then.
 */
export async function upgradeTo(offer: Offer, install: Install, how: FetchArchive): Promise<void> {
  const { prefix } = install;
  const turn = await turnAt(prefix);
  const next = join(prefix, programFiles.next);
  try {
    const unpacked = await fetchArchive(offer, how);
    await stage(join(unpacked, programFiles.now), next, 0o755);
    const said = await versionOf(next);
    if (said !== offer.version) {
      throw new QnError("UPGRADE_FAILED", `The program of qn ${offer.version} does not run here: it says "${said}".`);
    }
    const files = (await knownFiles(unpacked)).filter(({ target }) => target !== programFiles.now);
    await replaceFiles(
      install,
      { files, stay: [programFiles.now, programFiles.previous], scratch: how.cacheFolder },
      async () => {
        await keep(await linkAside(prefix), prefix);
        await rename(next, join(prefix, programFiles.now));
      },
    );
    await rm(how.cacheFolder, { recursive: true, force: true });
  } finally {
    await rm(next, { force: true });
    turn.release();
  }
}

/** How to go back. `scratch` is a folder of this install's own, which is gone afterwards. */
export type RollBack = { readonly scratch: string; readonly onWarning: (text: string) => void };

/**
 * Exchanges the program and the one before it, with the manual pages and completions, which that one prints itself, and
 * gives back its version. Throws UPGRADE_REFUSED when there is none, or it does not run; VM_BUSY, and the system's
 * errors.
 */
export async function rollBack(install: Install, { scratch, onWarning }: RollBack): Promise<string> {
  const { prefix, receipt } = install;
  const turn = await turnAt(prefix);
  const previous = join(prefix, programFiles.previous);
  try {
    if (!(await isThere(previous))) throw new QnError("UPGRADE_REFUSED", `There is no ${previous} to go back to.`);
    const version = await versionOf(previous);
    if (!/^\d/.test(version)) throw new QnError("UPGRADE_REFUSED", `${previous} does not run: it says "${version}".`);
    const exchange = async (): Promise<void> => {
      const aside = await linkAside(prefix);
      await rename(previous, join(prefix, programFiles.now));
      await keep(aside, prefix);
    };
    const printed = await printFiles(previous, scratch).then(knownFiles, messageOf);
    if (typeof printed === "string") {
      // Going back may be all that helps, and needs no pages.
      await exchange();
      onWarning(`Manual pages and completions stay as they are, since qn ${version} prints none: ${printed}`);
      return version;
    }
    const stay = receipt.files.filter((file) => !isPrinted(file));
    await replaceFiles(install, { files: printed, stay, scratch }, exchange);
    return version;
  } finally {
    await rm(scratch, { recursive: true, force: true });
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

/** A file that is to be put in place, and its path below the prefix. */
type NewFile = { readonly path: string; readonly target: string };

/**
 * Puts files in the place of those that the receipt names, but for those that stay, and exchanges the programs in
 * between. The receipt names at every moment all that is there.
 */
async function replaceFiles(
  { prefix, receipt }: Install,
  {
    files,
    stay,
    scratch,
  }: { readonly files: readonly NewFile[]; readonly stay: readonly string[]; readonly scratch: string },
  exchange: () => Promise<void>,
): Promise<void> {
  const targets = [...files.map(({ target }) => target), ...stay];
  const writeReceipt = async (all: readonly string[]): Promise<void> => {
    const written = join(scratch, "install.json");
    await writeFile(written, formatReceipt({ ...receipt, files: [...all] }));
    await put(written, join(prefix, receiptFile));
  };
  await writeReceipt([...receipt.files, ...targets]);
  for (const { path, target } of files) await put(path, join(prefix, target));
  await exchange();
  for (const old of receipt.files.filter((file) => !targets.includes(file)))
    await rm(join(prefix, old), { force: true });
  await writeReceipt(targets);
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

/** The files of an unpacked archive that this qn knows. */
async function knownFiles(unpacked: string): Promise<readonly NewFile[]> {
  const entries = await readdir(unpacked, { recursive: true });
  return entries.flatMap((path) => {
    const target = targetOf(path);
    return target === undefined ? [] : [{ path: join(unpacked, path), target }];
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
