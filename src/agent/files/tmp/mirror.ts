/** Carries the plan out: makes entries of the guest's /tmp the host's, one bind mount each. */
import { closeSync, lstatSync, mkdirSync, openSync, rmdirSync, unlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { messageOf, QnError } from "../../../base/errors.ts";
import { pause } from "../../../system/clock.ts";
import { isErrno } from "../../../system/errno.ts";
import { isThere } from "../../../system/files.ts";
import { bindMount, unmount } from "../../../system/kernel/libc.ts";
import { mountTable } from "../../../system/mount-table.ts";
import { belowFile, type DatedEntry, entryAt, holdName, holdsSomething, isOfKind, lookAt } from "./entry.ts";
import { planEntry, type Step } from "./mirror-plan.ts";
import { type BindSource, entryOf } from "../../docker/mounts.ts";

/**
 * Where the host's folder is mounted aside, and the guest's own folder that shows its entries. The kernel cannot forget
 * the kind of an entry that somebody holds: another mount aside still finds what the host has made of it. There are two
 * kinds of entries, and so no more than two mounts are needed.
 */
export type Mirror = { readonly asides: readonly string[]; readonly folder: string };

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
  const mounted = mountPoints();
  for (const source of ours) {
    try {
      await show(mirror, source, mounted);
    } catch (cause) {
      const why = messageOf(cause);
      throw new QnError("AGENT_FAILED", `${source.path} of the host cannot be shown in the guest: ${why}.`, { cause });
    }
  }
}

/**
 * Takes the mounts of entries away that the host has deleted. A container that runs keeps its own copy of the mount.
 * What is there is looked at aside; only what seems to be gone waits for its turn. Throws AGENT_FAILED with the path
 * when it cannot be taken away.
 */
export async function sweepDeleted(mirror: Mirror, inTurn: InTurn = async (action) => action()): Promise<void> {
  const names = await deletedOf(mirror, mountPoints());
  if (names.length === 0) return;
  await inTurn(() => {
    const mounted = mountPoints();
    for (const name of names) {
      const entry = mirroredEntry(mirror.asides[0] ?? "", mirror.folder, name, mounted);
      try {
        if (!mounted.has(entry.guest) || entryAt(entry.host) !== undefined) continue;
        mirrorEntry(entry);
      } catch (cause) {
        throw new QnError("AGENT_FAILED", `${entry.guest} cannot be taken away: ${messageOf(cause)}.`, { cause });
      }
    }
  });
}

/** Runs an action when nobody else makes or takes away mounts. */
type InTurn = (action: () => void) => Promise<void>;

// --- internal ---

/** One entry: where the host's is, where the guest shows it, and all mount points there are, kept up to date. */
type MirroredEntry = { readonly host: string; readonly guest: string; readonly mounted: Set<string> };

function mirroredEntry(aside: string, folder: string, name: string, mounted: Set<string>): MirroredEntry {
  return { host: join(aside, name), guest: join(folder, name), mounted };
}

/** The entries that are mounted and that the host has no more; asked for aside, since there may be many. */
async function deletedOf(mirror: Mirror, mounted: Set<string>): Promise<string[]> {
  const shown = [...mounted].flatMap((path) => entryOf(path, mirror.folder) ?? []);
  const looks = [...new Set(shown)].map(async (name) => {
    const { host, guest } = mirroredEntry(mirror.asides[0] ?? "", mirror.folder, name, mounted);
    return mounted.has(guest) && !(await isThere(host).catch(() => false)) ? [name] : [];
  });
  return (await Promise.all(looks)).flat();
}

/**
 * Shows a source as the host has it. Throws when containers hold it as other kinds of entries, wherever it is looked
 * for.
 */
async function show({ asides, folder }: Mirror, source: BindSource, mounted: Set<string>): Promise<void> {
  const name = entryOf(source.path, folder) ?? "";
  const entries = asides.map((aside) => ({ aside, entry: mirroredEntry(aside, folder, name, mounted) }));
  let reasons: string[] = [];
  for (let tries = 1; tries <= releaseTriesMax; tries += 1) {
    reasons = [];
    for (const { aside, entry } of entries) {
      const isCurrent = keepIfCurrent(entry);
      if (isCurrent && source.path === entry.guest) return;
      const path = join(aside, relative(folder, source.path));
      // Each look-up of a name asks the host, unless somebody holds it.
      using held = holdName(path);
      // A socket, say, that somebody in the guest has made there: the host must not get a folder of its name.
      if (!isCurrent && holdsSomething(entry.guest) && entryAt(entry.host) === undefined) return;
      const look = lookAt(path, source.createMissing && held === undefined);
      if (look.whyStale === undefined) return mirrorEntry(entry, path === entry.host ? look.entry : undefined);
      reasons.push(look.whyStale);
    }
    // Wherever it is looked for: so it is on the host too, and Docker's to complain about.
    const [first] = entries;
    if (first !== undefined && reasons.every((reason) => reason === belowFile)) return mirrorEntry(first.entry);
    await pause(releasePauseMs);
  }
  throw new Error([...new Set(reasons)].join("; "));
}

/** `seen` is the host's entry, where somebody has just looked at it. */
function mirrorEntry(entry: MirroredEntry, seen?: DatedEntry): void {
  const [host, guest] = [seen ?? entryAt(entry.host), entryAt(entry.guest)];
  const mounted = entry.mounted.has(entry.guest);
  for (const step of planEntry({ host, guest, mounted })) perform[step](entry);
  if (host === undefined) shownSince.delete(entry.guest);
  else shownSince.set(entry.guest, host.changedNs);
}

/** By entry of the guest's folder: when what it shows had last changed on the host, in nanoseconds. */
const shownSince = new Map<string, bigint>();

/**
 * Whether an entry is mounted as the host has it; a mount whose entry the host may have replaced is taken away. A mount
 * pins what the kernel knows of a 9p file, so that its number and its kind stay the old ones, whatever has its name on
 * the host now; only after the last mount is gone does the kernel ask again. It does ask for times and for the content
 * of folders.
 */
function keepIfCurrent(entry: MirroredEntry): boolean {
  if (!entry.mounted.has(entry.guest)) return false;
  const shown = entryAt(entry.guest);
  if (shown?.kind === "folder" && isOfKind(entry.guest, "folder")) return true;
  if (shown?.kind === "file" && shown.changedNs === shownSince.get(entry.guest)) return true;
  perform.unmount(entry);
  perform["remove-mount-point"](entry);
  return false;
}

const perform = {
  unmount: ({ guest, mounted }) => {
    unmount(guest);
    mounted.delete(guest);
  },
  "make-folder": ({ guest }) => makeUnlessThere(guest, "folder", () => mkdirSync(guest)),
  // Nothing that is there is opened: that of a pipe waits until somebody reads it.
  "make-file": ({ guest }) => makeUnlessThere(guest, "file", () => closeSync(openSync(guest, "wx"))),
  // An empty file or folder only: what has content was not made as a mount point.
  "remove-mount-point": ({ guest }) => {
    const stats = lstatSync(guest);
    if (stats.isDirectory() && !holdsSomething(guest)) rmdirSync(guest);
    else if (stats.isFile() && stats.size === 0) unlinkSync(guest);
  },
  bind: ({ host, guest, mounted }) => {
    bindMount(host, guest);
    mounted.add(guest);
  },
} satisfies Record<Step, (entry: MirroredEntry) => void>;

/** Makes a mount point. Throws when the guest has made something else at its path. */
function makeUnlessThere(path: string, kind: "file" | "folder", make: () => void): void {
  try {
    make();
  } catch (cause) {
    if (!isErrno(cause, "EEXIST")) throw cause;
    if (entryAt(path)?.kind === kind) return;
    throw new Error(`the guest itself has made something there that is no ${kind}`, { cause });
  }
}

function mountPoints(): Set<string> {
  return new Set(mountTable().map(({ target }) => target));
}
