/** Carries the plan out: makes entries of the guest's /tmp the host's, one bind mount each. */
import { constants } from "node:fs";
import { lstat, mkdir, open, opendir, readFile, rmdir, unlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { messageOf, QnError } from "../../base/errors.ts";
import { pause } from "../../system/clock.ts";
import { isErrno } from "../../system/files.ts";
import { bindMount, dropCachedPages, unmount } from "../../system/libc.ts";
import { type Entry, planEntry, type Step } from "./plan.ts";
import { type BindSource, entryOf } from "./request.ts";

/** Where the host's folder is mounted aside, and the guest's own folder that shows its entries. */
export type Mirror = { readonly aside: string; readonly folder: string };

/** The kernel lets go of the mounts of a container that has ended a moment after Docker says so, and tells nobody. */
const releaseTriesMax = 50;
const releasePauseMs = 20;

/**
 * Makes each bind source below the mirror's folder what the host has. A missing one that Docker would make is made on
 * the host, as Docker on the host itself would. Throws AGENT_FAILED with the path when it cannot be mounted.
 */
export async function mirrorSources(mirror: Mirror, sources: readonly BindSource[]): Promise<void> {
  const ours = sources.filter((source) => entryOf(source.path, mirror.folder) !== undefined);
  if (ours.length === 0) return;
  const mounted = await mountPoints();
  for (const source of ours) {
    const entry = placeOf(mirror, entryOf(source.path, mirror.folder) ?? "", mounted);
    try {
      await show(mirror, source, entry);
    } catch (cause) {
      const why = messageOf(cause);
      throw new QnError("AGENT_FAILED", `${source.path} of the host cannot be shown in the guest: ${why}.`, { cause });
    }
  }
}

/**
 * Takes the mounts of entries away that the host has deleted. A container that runs keeps its own copy of the mount.
 * Throws AGENT_FAILED with the path when that fails.
 */
export async function sweepDeleted(mirror: Mirror): Promise<void> {
  const mounted = await mountPoints();
  const shown = [...mounted].map((path) => entryOf(path, mirror.folder));
  for (const name of new Set(shown.filter((entry) => entry !== undefined))) {
    const entry = placeOf(mirror, name, mounted);
    if (!entry.mounted.has(entry.guest) || (await entryAt(entry.host)) !== undefined) continue;
    try {
      await mirrorEntry(entry);
    } catch (cause) {
      throw new QnError("AGENT_FAILED", `${entry.guest} cannot be taken away: ${messageOf(cause)}.`, { cause });
    }
  }
}

// --- internal ---

/** One entry: where the host's is, where the guest shows it, and all mount points there are, kept up to date. */
type Place = { readonly host: string; readonly guest: string; readonly mounted: Set<string> };

function placeOf({ aside, folder }: Mirror, name: string, mounted: Set<string>): Place {
  return { host: join(aside, name), guest: join(folder, name), mounted };
}

/** Shows a source as the host has it. Throws when a container holds it as another kind of entry. */
async function show(mirror: Mirror, source: BindSource, entry: Place): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    await letGoOfReplaced(entry);
    if (source.createMissing) await createIfMissing(join(mirror.aside, relative(mirror.folder, source.path)));
    await mirrorEntry(entry);
    const heldKind = await showLatest(source.path);
    if (heldKind === undefined) return;
    if (tries === releaseTriesMax)
      throw new Error(`it was a ${heldKind} before, which a running container still holds`);
    await pause(releasePauseMs);
  }
}

async function mirrorEntry(place: Place): Promise<void> {
  const [host, guest] = await Promise.all([entryAt(place.host), entryAt(place.guest)]);
  const mounted = place.mounted.has(place.guest);
  for (const step of planEntry({ host, guest, mounted })) await perform[step](place);
  if (host === undefined) shownSince.delete(place.guest);
  else shownSince.set(place.guest, await changeTimeOf(place.host));
}

/** By entry of the guest's folder: when what it shows had last changed on the host, in nanoseconds. */
const shownSince = new Map<string, bigint | undefined>();

/**
 * Takes a mount away whose entry the host may have replaced. A mount pins what the kernel knows of a 9p file, so that
 * its number and its kind stay the old ones, whatever has its name on the host now; only after the last mount is gone
 * does the kernel ask again. It does ask for times and for the content of folders.
 */
async function letGoOfReplaced(place: Place): Promise<void> {
  if (!place.mounted.has(place.guest)) return;
  const entry = await entryAt(place.guest);
  const isCurrent =
    entry?.kind === "folder"
      ? await canBeListed(place.guest)
      : (await changeTimeOf(place.host)) === shownSince.get(place.guest);
  if (isCurrent) return;
  perform.unmount(place);
  await perform["remove-mount-point"](place);
}

/**
 * Drops what the kernel has cached of a file that a running container may hold: QEMU finds a file by its path, so that
 * even a file that was replaced is read anew. Gives the kind of entry that it was when it has become another kind
 * meanwhile: that one cannot be shown before whoever holds it lets go.
 */
async function showLatest(path: string): Promise<Entry["kind"] | undefined> {
  const entry = await entryAt(path);
  if (entry === undefined || entry.kind === "other") return undefined;
  const isOfThisKind = entry.kind === "folder" ? await canBeListed(path) : await canBeRead(path);
  return isOfThisKind ? undefined : entry.kind;
}

/** Reads anew; false when the host has no file here. A file that may not be read is one. */
async function canBeRead(path: string): Promise<boolean> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    await file.stat();
    dropCachedPages(file.fd);
    await file.read(Buffer.alloc(1), 0, 1, 0);
    return true;
  } catch (error) {
    return isErrno(error, "EACCES") || isErrno(error, "EPERM");
  }
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

const perform = {
  unmount: ({ guest, mounted }) => {
    unmount(guest);
    mounted.delete(guest);
  },
  "make-folder": async ({ guest }) => void (await mkdir(guest, { recursive: true })),
  "make-file": async ({ guest }) => (await open(guest, "a")).close(),
  // An empty file or folder only: what has content was not made as a mount point.
  "remove-mount-point": async ({ guest }) => {
    const stats = await lstat(guest);
    if (stats.isDirectory()) await rmdir(guest);
    else if (stats.isFile() && stats.size === 0) await unlink(guest);
  },
  bind: ({ host, guest, mounted }) => {
    bindMount(host, guest);
    mounted.add(guest);
  },
} satisfies Record<Step, (place: Place) => Promise<void> | void>;

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
async function mountPoints(): Promise<Set<string>> {
  const table = await readFile("/proc/self/mountinfo", "utf8");
  return new Set(table.split("\n").map((line) => unescapeMountPath(line.split(" ")[4] ?? "")));
}

/** mountinfo writes space, tab, newline and backslash as octal (proc(5)). */
function unescapeMountPath(path: string): string {
  return path.replaceAll(/\\([0-7]{3})/g, (_match, octal: string) => String.fromCodePoint(Number.parseInt(octal, 8)));
}
