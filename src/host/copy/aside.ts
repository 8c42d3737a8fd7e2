/** Where a copy lands on this machine: unpacked aside, and put in its place by renaming. */
import { chmod, lstat, mkdtemp, readdir, realpath, rename, rm, stat, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isErrno, isThere } from "../../system/files.ts";
import type { Reason } from "./guest-scripts.ts";

/** What is copied: its kind, and its name in a folder that is there; `contents` when what a folder holds is meant. */
export type Arrival = { readonly kind: "file" | "folder"; readonly name: string; readonly contents: boolean };

/** Where an arrival belongs when it is copied to `path`, as cp(1) has it; or the reason why it cannot go there. */
export async function targetOf(path: string, { kind, name, contents }: Arrival): Promise<{ final: string } | Reason> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() === true;
  if (!isFolder && kind === "file" && path.endsWith("/")) return "not-a-folder";
  const bare = path.replace(/(?<=.)\/+$/, "");
  const named = isFolder && !contents ? join(path, name) : bare;
  // A link to a file is written through, as cp(1) does; one that leads nowhere is replaced.
  const final = await realpath(named).catch(() => named);
  const there = await stat(final).catch(() => undefined);
  if (kind === "folder" && there?.isDirectory() !== true && (await isThere(final))) return "not-a-folder";
  if (kind === "file" && there?.isDirectory() === true) return "is-a-folder";
  const parent = await stat(dirname(final)).catch(() => undefined);
  return parent?.isDirectory() === true ? { final } : "no-parent";
}

/** A folder beside `final`, on the same file system, that nobody else can look into. Throws the system's error. */
export async function makeAside(final: string): Promise<string> {
  return await mkdtemp(join(dirname(final), ".qn-cp."));
}

/** Removes a folder with all in it, folders that forbid it too. */
export async function dropAside(aside: string): Promise<void> {
  try {
    await rm(aside, { recursive: true, force: true });
  } catch {
    await loosen(aside);
    await rm(aside, { recursive: true, force: true });
  }
}

/**
 * Puts what has arrived in its place: a file replaces a file in one step, a folder joins one that is there. Gives back what
 * could not be put in its place, as sentences; everything else is.
 */
export async function settle(arrived: string, final: string): Promise<string[]> {
  const [next, there] = await Promise.all([lstat(arrived), lstat(final).catch(() => undefined)]);
  if (!next.isDirectory()) {
    if (there?.isDirectory() === true) return [`${final} is a folder, and a file does not take its place.`];
    return await attempt(final, () => rename(arrived, final));
  }
  if (there === undefined) return await attempt(final, () => moveFolder(arrived, final, next.mode));
  if (!there.isDirectory()) return [`${final} is no folder, and a folder does not take its place.`];
  const problems: string[] = [];
  for (const name of await readdir(arrived)) problems.push(...(await settle(join(arrived, name), join(final, name))));
  problems.push(
    ...(await attempt(final, async () => {
      await chmod(final, next.mode & 0o777);
      await utimes(final, next.atime, next.mtime);
    })),
  );
  return problems;
}

// --- internal ---

/** A folder that gets another parent has its ".." written (rename(2)), so it must allow that meanwhile. */
async function moveFolder(arrived: string, final: string, mode: number): Promise<void> {
  const isReadOnly = (mode & 0o200) === 0;
  if (isReadOnly) await chmod(arrived, mode | 0o200);
  await rename(arrived, final);
  if (isReadOnly) await chmod(final, mode & 0o777);
}

async function attempt(path: string, action: () => Promise<void>): Promise<string[]> {
  try {
    await action();
    return [];
  } catch (error) {
    if (isErrno(error, "EACCES") || isErrno(error, "EPERM")) return [`${path}: Permission denied`];
    return [`${path}: ${error instanceof Error ? error.message : String(error)}`];
  }
}

async function loosen(folder: string): Promise<void> {
  await chmod(folder, 0o700);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await loosen(join(folder, entry.name));
  }
}
