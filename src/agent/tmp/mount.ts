/** Carries the plan out: makes entries of the guest's /tmp the host's, one bind mount each. */
import { lstat, mkdir, open, opendir, readFile, rmdir, unlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { QnError } from "../../base/errors.ts";
import { isErrno } from "../../system/files.ts";
import { bindMount, unmount } from "../../system/libc.ts";
import { type Entry, planEntry, type Step } from "./plan.ts";
import { type BindSource, entryOf } from "./request.ts";

/** Where the host's folder is mounted aside, and the guest's own folder that shows its entries. */
export type Mirror = { readonly aside: string; readonly folder: string };

/**
 * Makes each bind source below the mirror's folder what the host has. A missing one that Docker would make is made on
 * the host, as Docker on the host itself would. Throws AGENT_FAILED with the path when it cannot be mounted.
 */
export async function mirrorSources(mirror: Mirror, sources: readonly BindSource[]): Promise<void> {
  for (const source of sources) {
    const entry = entryOf(source.path, mirror.folder);
    if (entry === undefined) continue;
    try {
      await letGoOfReplaced(join(mirror.aside, entry), join(mirror.folder, entry));
      if (source.createMissing) await createIfMissing(join(mirror.aside, relative(mirror.folder, source.path)));
      await mirrorEntry(join(mirror.aside, entry), join(mirror.folder, entry));
    } catch (cause) {
      throw new QnError("AGENT_FAILED", `${source.path} of the host cannot be shown in the guest: ${String(cause)}.`, {
        cause,
      });
    }
  }
}

// --- internal ---

async function mirrorEntry(hostPath: string, guestPath: string): Promise<void> {
  const [host, guest, mounted] = await Promise.all([entryAt(hostPath), entryAt(guestPath), isMountPoint(guestPath)]);
  for (const step of planEntry({ host, guest, mounted })) await perform[step](hostPath, guestPath);
  shownSince.set(guestPath, await changeTimeOf(hostPath));
}

/** By entry of the guest's folder: when what it shows had last changed on the host, in nanoseconds. */
const shownSince = new Map<string, bigint | undefined>();

/**
 * Takes a mount away whose entry the host may have replaced. A mount pins what the kernel knows of a 9p file, so that
 * its number and its cached content stay the old ones, whatever has its name on the host now; only after the last
 * mount is gone does the kernel ask again. It does ask for times and for the content of folders.
 */
async function letGoOfReplaced(hostPath: string, guestPath: string): Promise<void> {
  if (!(await isMountPoint(guestPath))) return;
  const entry = await entryAt(guestPath);
  const isCurrent =
    entry?.kind === "folder"
      ? await canBeListed(guestPath)
      : (await changeTimeOf(hostPath)) === shownSince.get(guestPath);
  if (isCurrent) return;
  unmount(guestPath);
  await perform["remove-mount-point"](hostPath, guestPath);
}

async function canBeListed(path: string): Promise<boolean> {
  try {
    const folder = await opendir(path);
    try {
      await folder.read();
      return true;
    } finally {
      await folder.close();
    }
  } catch {
    return false;
  }
}

async function changeTimeOf(path: string): Promise<bigint | undefined> {
  try {
    return (await lstat(path, { bigint: true })).ctimeNs;
  } catch {
    return undefined;
  }
}

const perform: Record<Step, (hostPath: string, guestPath: string) => Promise<void> | void> = {
  unmount: (_hostPath, guestPath) => unmount(guestPath),
  "make-folder": async (_hostPath, guestPath) => void (await mkdir(guestPath, { recursive: true })),
  "make-file": async (_hostPath, guestPath) => (await open(guestPath, "a")).close(),
  // An empty file or folder only: what has content was not made as a mount point.
  "remove-mount-point": async (_hostPath, guestPath) => {
    const stats = await lstat(guestPath);
    if (stats.isDirectory()) await rmdir(guestPath);
    else if (stats.isFile() && stats.size === 0) await unlink(guestPath);
  },
  bind: (hostPath, guestPath) => bindMount(hostPath, guestPath),
};

async function createIfMissing(path: string): Promise<void> {
  if ((await entryAt(path)) !== undefined) return;
  await createIfMissing(dirname(path));
  try {
    await mkdir(path);
  } catch (error) {
    // A dangling link, or somebody else was faster: Docker then says itself what is wrong with the path.
    if (!isErrno(error, "EEXIST")) throw error;
  }
}

async function entryAt(path: string): Promise<Entry | undefined> {
  try {
    const stats = await lstat(path, { bigint: true });
    const kind = stats.isDirectory() ? "folder" : stats.isFile() ? "file" : "other";
    return { kind, id: `${stats.dev}:${stats.ino}` };
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR") || isErrno(error, "ESTALE")) return undefined;
    throw error;
  }
}

/** Reads the kernel's own table, so that a restarted agent knows as much as the one before. */
async function isMountPoint(path: string): Promise<boolean> {
  const table = await readFile("/proc/self/mountinfo", "utf8");
  return table.split("\n").some((line) => unescapeMountPath(line.split(" ")[4] ?? "") === path);
}

/** mountinfo writes space, tab, newline and backslash as octal (proc(5)). */
function unescapeMountPath(path: string): string {
  return path.replaceAll(/\\([0-7]{3})/g, (_match, octal: string) => String.fromCodePoint(Number.parseInt(octal, 8)));
}
