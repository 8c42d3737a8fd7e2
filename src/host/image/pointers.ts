/**
 * The names of images. `<name>-<arch>` in the folder of images is a link to the folder `sha256-…` that has the files,
 * so that a name moves in one step; older versions of qn, who had the files in a folder of that name, find them through
 * it.
 */
import { randomBytes } from "node:crypto";
import { mkdir, readlink, rename, rm, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { isErrno } from "../../system/errno.ts";
import { isThere, namesIn, readTextIfThere } from "../../system/files.ts";
import { awaitLock, lockFolder } from "../../system/kernel/lock.ts";
import { folderOfId, idOfFolder, imageId } from "./address.ts";
import { imageFiles, type ImageManifest, parseManifest } from "./manifest.ts";

/** What an entry of the folder of images is. */
export type Entry =
  | { readonly kind: "pointer"; readonly id: string }
  /** A folder with the files in it, or somebody's own link to one. */
  | { readonly kind: "folder" | "link" }
  | { readonly kind: "none" };

/** What lies there under the name `entry`. */
export async function entryAt(imagesFolder: string, entry: string): Promise<Entry> {
  const path = join(imagesFolder, entry);
  try {
    const id = idOfFolder(await readlink(path));
    return id === undefined ? { kind: "link" } : { kind: "pointer", id };
  } catch (error) {
    // EINVAL is what readlink(2) says of what is no link.
    if (isErrno(error, "EINVAL")) return { kind: "folder" };
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return { kind: "none" };
    throw error;
  }
}

/** The names of all entries that may be names of images, sorted; none where there is no folder. */
export async function entriesIn(imagesFolder: string): Promise<readonly string[]> {
  const names = await namesIn(imagesFolder);
  return names.filter((name) => !name.startsWith(".") && idOfFolder(name) === undefined).toSorted();
}

/** The addresses of all images that lie there, sorted; none where there is no folder. */
export async function idsIn(imagesFolder: string): Promise<readonly string[]> {
  const ids = (await namesIn(imagesFolder)).map((name) => idOfFolder(name));
  return ids.filter((id) => id !== undefined).toSorted();
}

/**
 * Does something to images that nobody else may do meanwhile; each is a matter of milliseconds. First it is finished
 * what a killed qn has begun, and what an older one has left is taken over. Throws VM_BUSY.
 */
export async function withImages<Result>(imagesFolder: string, action: () => Promise<Result>): Promise<Result> {
  await mkdir(imagesFolder, { recursive: true });
  const lock = await awaitLock(imagesFolder, lockFolder);
  try {
    await finishMoves(imagesFolder);
    for (const entry of await entriesIn(imagesFolder)) await takeOver(imagesFolder, entry);
    return await action();
  } finally {
    lock.release();
  }
}

/**
 * Lets a name lead to the image of that address, in one step; within `withImages`. A folder in its way has to be gone.
 */
export async function pointTo(imagesFolder: string, entry: string, id: string): Promise<void> {
  await rm(nextOf(imagesFolder, entry), { force: true });
  await symlink(folderOfId(id), nextOf(imagesFolder, entry));
  await rename(nextOf(imagesFolder, entry), join(imagesFolder, entry));
}

/** Takes a folder, or a name, out of sight in one step, and gives what there is to remove then; within `withImages`. */
export async function retire(imagesFolder: string, name: string): Promise<string | undefined> {
  const retired = join(imagesFolder, `${retiredPrefix}${randomBytes(6).toString("hex")}`);
  try {
    await rename(join(imagesFolder, name), retired);
    return retired;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/**
 * A new folder in the folder of images to make an image in; it goes away at the end with what is left in it. One whose
 * maker is killed goes with the next image that is put in place.
 */
export async function newStage(imagesFolder: string): Promise<{ readonly folder: string } & AsyncDisposable> {
  // Within the lock, or it could be taken for one that was left before it is locked.
  return await withImages(imagesFolder, async () => {
    const folder = join(imagesFolder, `${stagePrefix}${randomBytes(6).toString("hex")}`);
    await mkdir(folder);
    const lock = lockFolder(folder);
    return {
      folder,
      async [Symbol.asyncDispose]() {
        await rm(folder, { recursive: true, force: true });
        lock?.release();
      },
    };
  });
}

/** The folders in which images are made, or were. */
export async function stagesIn(imagesFolder: string): Promise<readonly string[]> {
  const names = (await namesIn(imagesFolder)).filter((name) => /^\.(?:build|pull)-/.test(name));
  return names.map((name) => join(imagesFolder, name));
}

/** What was taken out of sight by somebody who could not remove it any more. */
export async function retiredIn(imagesFolder: string): Promise<readonly string[]> {
  const names = (await namesIn(imagesFolder)).filter((name) => name.startsWith(retiredPrefix));
  return names.map((name) => join(imagesFolder, name));
}

/**
 * Moves the files of a folder to where the image of this manifest lies. Where it is already, only files go that are
 * missing there or of another size, and those that `isSuspect`: a VM may have the others open. Within `withImages`;
 * every file that is there afterwards has the content that the address tells, whenever this ends.
 */
export async function moveIn(
  imagesFolder: string,
  from: string,
  manifest: ImageManifest,
  isSuspect = false,
): Promise<string> {
  const folder = join(imagesFolder, folderOfId(imageId(manifest)));
  if (!(await isThere(folder))) {
    await rename(from, folder);
    return folder;
  }
  for (const { file, bytes } of imageFiles(manifest)) {
    const there = await stat(join(folder, file)).catch(() => undefined);
    if (isSuspect || there?.size !== bytes) await rename(join(from, file), join(folder, file));
  }
  if (!(await isThere(join(folder, "image.json")))) await rename(join(from, "image.json"), join(folder, "image.json"));
  return folder;
}

// --- internal ---

const retiredPrefix = ".old-";

/** As older versions named them, whose makers held no lock; those of pulls were `.pull-…`. */
const stagePrefix = ".build-";

/** A link that is about to be the name: its being there tells what was meant, should nobody be left to do it. */
const nextPrefix = ".next-";

function nextOf(imagesFolder: string, entry: string): string {
  return join(imagesFolder, `${nextPrefix}${entry}`);
}

/** A name that is missing was on its way; one that is there stays what it is. */
async function finishMoves(imagesFolder: string): Promise<void> {
  const moves = (await namesIn(imagesFolder)).filter((name) => name.startsWith(nextPrefix));
  for (const move of moves) {
    const entry = move.slice(nextPrefix.length);
    const target = await entryAt(imagesFolder, move);
    const isMeant = target.kind === "pointer" && (await isThere(join(imagesFolder, folderOfId(target.id))));
    if (isMeant && !(await isThere(join(imagesFolder, entry)))) {
      await rename(join(imagesFolder, move), join(imagesFolder, entry));
    } else await rm(join(imagesFolder, move), { force: true });
  }
}

/**
 * Turns a folder of an older qn's into an image with an address and a name that leads there: by renames alone, so that
 * nothing is copied, what was found whole stays so, and a QEMU that has its disk open does not notice. One whose
 * `image.json` is no image's stays where it is, for whoever asks for it to be told.
 */
async function takeOver(imagesFolder: string, entry: string): Promise<void> {
  const { kind } = await entryAt(imagesFolder, entry);
  const manifest = kind === "folder" ? await manifestIn(join(imagesFolder, entry)) : undefined;
  if (manifest === undefined) return;
  const id = imageId(manifest);
  await rm(nextOf(imagesFolder, entry), { force: true });
  await symlink(folderOfId(id), nextOf(imagesFolder, entry));
  await moveIn(imagesFolder, join(imagesFolder, entry), manifest);
  const emptied = await retire(imagesFolder, entry);
  await finishMoves(imagesFolder);
  if (emptied !== undefined) await rm(emptied, { recursive: true, force: true });
}

async function manifestIn(folder: string): Promise<ImageManifest | undefined> {
  const path = join(folder, "image.json");
  try {
    const text = await readTextIfThere(path);
    return text === undefined ? undefined : parseManifest(text, path);
  } catch {
    return undefined;
  }
}
