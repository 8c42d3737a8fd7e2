/** Removes images: by name, or those that nothing leads to any more. What a VM needs is never among them. */
import { readdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { QnError } from "../../base/errors.ts";
import { isErrno } from "../../system/errno.ts";
import { isThere } from "../../system/files.ts";
import { lockFolder } from "../../system/kernel/lock.ts";
import { folderOfId } from "./address.ts";
import { entriesIn, entryAt, idsIn, retire, retiredIn, stagesIn, withImages } from "./pointers.ts";
import { type ImageUse, imageUses } from "./usage.ts";

/** What was removed, or would be: an image with the names that it had, or what somebody has left unfinished. */
export type Freed = { readonly id: string | null; readonly entries: readonly string[]; readonly bytes: number };

/** `isAll`: also images with a name that no VM needs; `isDry`: says what would go, and leaves it. */
export type SweepOptions = { readonly isAll?: boolean; readonly isDry?: boolean };

/**
 * Removes images without a name that no VM needs, and what killed builds, pulls and imports have left, and says how
 * much each took. An image that a VM starts on, goes back to, or has a snapshot on stays. Throws what a folder of a VM
 * that cannot be read throws: then nothing is removed.
 */
export async function sweep(imagesFolder: string, options: SweepOptions = {}): Promise<readonly Freed[]> {
  const { isAll = false, isDry = false } = options;
  if (!(await isThere(imagesFolder))) return [];
  const [freed, doomed] = [[] as Freed[], [] as string[]];
  await withImages(imagesFolder, async () => {
    const uses = await imageUses(dirname(imagesFolder));
    const names = await namesById(imagesFolder);
    for (const id of await idsIn(imagesFolder)) {
      const entries = names.get(id) ?? [];
      if (uses.has(id) || (entries.length > 0 && !isAll)) continue;
      const folder = folderOfId(id);
      freed.push({ id, entries, bytes: await bytesOnDisk(join(imagesFolder, folder)) });
      // Names first: one that leads nowhere is an image that is broken.
      for (const name of isDry ? [] : [...entries, folder]) await retireTo(doomed, imagesFolder, name);
    }
    const left = [...(await retiredIn(imagesFolder)), ...(await deadStagesIn(imagesFolder))];
    for (const path of left.filter((each) => !doomed.includes(each))) {
      freed.push({ id: null, entries: [], bytes: await bytesOnDisk(path) });
      if (!isDry) doomed.push(path);
    }
  });
  for (const path of doomed) await rm(path, { recursive: true, force: true });
  return freed;
}

/**
 * Takes a name from an image, and removes the image when it has no other name and no VM needs it: gives what that has
 * freed, nothing while a VM can go back to it. `mayBreak` says of a VM that needs it to start that it may be left
 * without its system disk, to have a new one at its next start. Throws IMAGE_MISSING and IMAGE_IN_USE.
 */
export async function removeImage(
  imagesFolder: string,
  entry: string,
  mayBreak: (vm: string) => boolean = () => false,
): Promise<readonly Freed[]> {
  if (!(await isThere(join(imagesFolder, entry)))) {
    throw new QnError("IMAGE_MISSING", `There is no image "${entry}" in ${imagesFolder}.`);
  }
  const doomed: string[] = [];
  const freed = await withImages(imagesFolder, async () => {
    const found = await entryAt(imagesFolder, entry);
    const names = await namesById(imagesFolder);
    const others = found.kind === "pointer" ? (names.get(found.id) ?? []).filter((name) => name !== entry) : [];
    const uses = found.kind === "pointer" ? ((await imageUses(dirname(imagesFolder))).get(found.id) ?? []) : [];
    const needs = uses.filter(({ as }) => as !== "before");
    if (others.length === 0) refuseNeeded(entry, needs, mayBreak);
    const size = found.kind === "pointer" ? await bytesOnDisk(join(imagesFolder, folderOfId(found.id))) : 0;
    const own = found.kind === "pointer" ? 0 : await bytesOnDisk(join(imagesFolder, entry));
    await retireTo(doomed, imagesFolder, entry);
    if (found.kind !== "pointer") return [{ id: null, entries: [entry], bytes: own }];
    if (others.length > 0 || uses.length > needs.length) return [];
    await retireTo(doomed, imagesFolder, folderOfId(found.id));
    return [{ id: found.id, entries: [entry], bytes: size }];
  });
  for (const path of doomed) await rm(path, { recursive: true, force: true });
  return freed;
}

/** What the files of a folder take on this machine's disk, in bytes: holes, and links elsewhere, take nothing. */
export async function bytesOnDisk(folder: string): Promise<number> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    const blocks = await Promise.all(files.map(async (file) => (await stat(file)).blocks));
    // stat(2) counts in units of 512 bytes, whatever the file system's are.
    return blocks.reduce((sum, each) => sum + each * 512, 0);
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return 0;
    throw error;
  }
}

// --- internal ---

function refuseNeeded(entry: string, needs: readonly ImageUse[], mayBreak: (vm: string) => boolean): void {
  const [need] = needs.filter(({ vm, as }) => as === "snapshot" || !mayBreak(vm));
  if (need === undefined) return;
  const what = need.as === "snapshot" ? `A snapshot of the VM "${need.vm}"` : `The system disk of the VM "${need.vm}"`;
  throw new QnError("IMAGE_IN_USE", `${what} lies on the image "${entry}".`);
}

async function namesById(imagesFolder: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const names = new Map<string, string[]>();
  for (const entry of await entriesIn(imagesFolder)) {
    const found = await entryAt(imagesFolder, entry);
    if (found.kind === "pointer") names.set(found.id, [...(names.get(found.id) ?? []), entry]);
  }
  return names;
}

async function retireTo(doomed: string[], imagesFolder: string, name: string): Promise<void> {
  const retired = await retire(imagesFolder, name);
  if (retired !== undefined) doomed.push(retired);
}

/** Those whose maker is no more: it holds a lock on its folder for as long as it works. */
async function deadStagesIn(imagesFolder: string): Promise<readonly string[]> {
  const dead = [];
  for (const stage of await stagesIn(imagesFolder)) {
    const lock = (await isThere(stage)) ? lockFolder(stage) : undefined;
    lock?.release();
    if (lock !== undefined) dead.push(stage);
  }
  return dead;
}
