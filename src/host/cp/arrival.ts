/**
 * What comes from a guest, and where it goes on this machine: put in its place by renaming, through no link of the
 * guest's.
 */
import { chmod, lstat, readdir, realpath, rename, stat, utimes } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { messageOf } from "../../base/errors.ts";
import { isErrno } from "../../system/errno.ts";
import type { Reason } from "./guest-scripts.ts";
import { openFolder } from "./open-folder.ts";

/**
 * What is copied: its kind, and the name that it takes in a folder that is there, which the host has chosen; nothing
 * when the source's path ends in none. `contents` when what a folder holds is meant.
 */
export type Arrival = {
  readonly kind: "file" | "folder";
  readonly name: string | undefined;
  readonly contents: boolean;
};

/**
 * Where an arrival belongs when it is copied to `path`, as cp(1) has it; or the reason why it cannot go there. A link
 * to a folder that the person has named is followed, and one in the place itself never is: an earlier copy may have
 * brought it, and it leads wherever the guest likes.
 */
export async function targetOf(path: string, { kind, name, contents }: Arrival): Promise<{ final: string } | Reason> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() === true;
  if (isFolder && contents) return kind === "folder" ? { final: await realpath(path) } : "is-a-folder";
  if (isFolder && name === undefined) return "no-name";
  if (!isFolder && kind === "file" && path.endsWith("/")) return "not-a-folder";
  const named = isFolder && name !== undefined ? join(path, name) : path.replace(/(?<=.)\/+$/, "");
  const parent = await realpath(dirname(named)).catch(() => undefined);
  if (parent === undefined || !(await stat(parent)).isDirectory()) return "no-parent";
  const final = join(parent, basename(named));
  const there = await lstat(final).catch(() => undefined);
  if (kind === "folder" && there?.isDirectory() === false) return "not-a-folder";
  return kind === "file" && there?.isDirectory() === true ? "is-a-folder" : { final };
}

/**
 * Puts what has arrived in its place: a file replaces a file or a link in one step, a folder joins one that is there,
 * whose mode stays. Gives back what could not be put in its place, as sentences, which call it `place`; everything else
 * is. Folders are held open meanwhile: a guest may be able to put links in place of either.
 */
export async function settle(arrived: string, final: string, place = final): Promise<string[]> {
  const [next, there] = await Promise.all([lstat(arrived), lstat(final).catch(() => undefined)]);
  if (!next.isDirectory()) {
    if (there?.isDirectory() === true) return [`${place} is a folder, and a file does not take its place.`];
    return await attempt(place, () => rename(arrived, final));
  }
  if (there === undefined) return await attempt(place, () => moveFolder(arrived, final, next.mode));
  if (!there.isDirectory()) return [`${place} is no folder, and a folder does not take its place.`];
  const problems: string[] = [];
  const failed = await attempt(place, async () => {
    using source = await openFolder(arrived);
    using target = await openFolder(final);
    for (const name of await readdir(source.at)) {
      problems.push(...(await settle(join(source.at, name), join(target.at, name), join(place, name))));
    }
    await utimes(target.at, next.atime, next.mtime);
  });
  return [...problems, ...failed];
}

/** A system's error in its own words, without its paths, which may be of open folders. */
export function wordsOf(error: unknown): string {
  if (isErrno(error, "EACCES") || isErrno(error, "EPERM")) return "Permission denied";
  return messageOf(error).replace(/, \w+ '.*$/s, "");
}

// --- internal ---

/** A folder that gets another parent has its ".." written (rename(2)), so it must allow that meanwhile. */
async function moveFolder(arrived: string, final: string, mode: number): Promise<void> {
  if ((mode & 0o200) !== 0) {
    await rename(arrived, final);
    return;
  }
  using folder = await openFolder(arrived);
  await chmod(folder.at, mode | 0o200);
  await rename(arrived, final);
  // Where there is no handle the path is the old one.
  await chmod(folder.at === arrived ? final : folder.at, mode & 0o777);
}

async function attempt(place: string, action: () => Promise<void>): Promise<string[]> {
  try {
    await action();
    return [];
  } catch (error) {
    return [`${place}: ${wordsOf(error)}`];
  }
}
