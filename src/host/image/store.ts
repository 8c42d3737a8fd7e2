/** The images of a QN_HOME: what there is, whether it is whole, and putting one in place. */
import { createHash } from "node:crypto";
import { mkdir, open, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { QnError } from "../../base/errors.ts";
import type { Arch } from "../../base/words.ts";
import { isErrno } from "../../system/errno.ts";
import { isThere, readTextIfThere, writeFileAtomically } from "../../system/files.ts";
import { folderOfId, imageId } from "./address.ts";
import { formatManifest, type ImageFile, imageFiles, type ImageManifest, parseManifest } from "./manifest.ts";
import { entriesIn, entryAt, idsIn, moveIn, pointTo, retire, withImages } from "./pointers.ts";
import { qcow2HeadBytes, whyNotAlone } from "./qcow2.ts";
import { sweep } from "./sweep.ts";

/**
 * An image in its folder. `id` is its address, which equal images have in common, and `record` the file that remembers
 * that it was found whole.
 */
export type StoredImage = {
  readonly id: string;
  readonly folder: string;
  readonly disk: string;
  readonly manifest: ImageManifest;
  readonly record: string;
};

/** An image in the store with the names that lead to it, as folders of older versions had them: `debian-x86_64`. */
export type ListedImage = StoredImage & { readonly entries: readonly string[] };

/**
 * The image of that name, or nothing. What an older qn has left is taken over first, and stays as it is where nobody
 * may write. Throws IMAGE_CORRUPT when its files cannot be an image's, or its disk needs other files.
 */
export async function findImage(imagesFolder: string, name: string, arch: Arch): Promise<StoredImage | undefined> {
  const entry = `${name}-${arch}`;
  if ((await entryAt(imagesFolder, entry)).kind !== "pointer") await putInOrder(imagesFolder);
  for (;;) {
    const found = await entryAt(imagesFolder, entry);
    if (found.kind === "none") return undefined;
    if (found.kind !== "pointer") return await imageIn(join(imagesFolder, entry));
    try {
      const image = await imageById(imagesFolder, found.id);
      if (image !== undefined) return { ...image, manifest: { ...image.manifest, name } };
      throw new QnError("IMAGE_CORRUPT", `"${join(imagesFolder, entry)}" leads to no image.`);
    } catch (error) {
      // The name has moved on meanwhile, and the image that it led to may be gone.
      const now = await entryAt(imagesFolder, entry);
      if (now.kind === "pointer" && now.id === found.id) throw error;
    }
  }
}

/**
 * The image of that name if all its files are what they should be, as `verifyImage` looks at them; nothing for one that
 * is broken, for whoever can make it anew.
 */
export async function findWholeImage(imagesFolder: string, name: string, arch: Arch): Promise<StoredImage | undefined> {
  try {
    const image = await findImage(imagesFolder, name, arch);
    if (image !== undefined) await verifyImage(image);
    return image;
  } catch {
    return undefined;
  }
}

/** The image of that address, or nothing. Throws IMAGE_CORRUPT. */
export async function imageById(imagesFolder: string, id: string): Promise<StoredImage | undefined> {
  const image = await imageIn(join(imagesFolder, folderOfId(id)));
  if (image === undefined || image.id === id) return image;
  throw new QnError("IMAGE_CORRUPT", `"${image.folder}" has another image than its name says: ${image.id}.`);
}

/**
 * The image in a folder that is not ours and may be read-only, such as one in the Nix store; what is remembered of it
 * goes into `cacheFolder`. Nothing when there is no such folder. Throws IMAGE_CORRUPT.
 */
export async function imageAt(folder: string, cacheFolder: string): Promise<StoredImage | undefined> {
  const image = await imageIn(folder);
  const name = `verified-${createHash("sha256").update(folder).digest("hex").slice(0, 32)}.json`;
  return image && { ...image, record: join(cacheFolder, name) };
}

/** All images, those with names first and sorted by them. Throws IMAGE_CORRUPT for one that cannot be an image. */
export async function listImages(imagesFolder: string): Promise<readonly ListedImage[]> {
  await putInOrder(imagesFolder);
  const [names, beside] = [new Map<string, string[]>(), [] as ListedImage[]];
  for (const entry of await entriesIn(imagesFolder)) {
    const found = await entryAt(imagesFolder, entry);
    if (found.kind === "pointer") names.set(found.id, [...(names.get(found.id) ?? []), entry]);
    const image = found.kind === "pointer" ? undefined : await imageIn(join(imagesFolder, entry));
    if (image !== undefined) beside.push({ ...image, entries: [entry] });
  }
  const stored = [];
  for (const id of new Set([...names.keys(), ...(await idsIn(imagesFolder))])) {
    const image = await imageById(imagesFolder, id);
    if (image !== undefined) stored.push({ ...image, entries: names.get(id) ?? [] });
  }
  return [...stored, ...beside];
}

/**
 * Compares all files with their manifest. What was found whole is not read again until one of them changes. Throws
 * IMAGE_CORRUPT when they differ.
 */
export async function verifyImage(image: StoredImage): Promise<void> {
  if (await isKnownWhole(image)) return;
  for (const { file, sha256 } of imageFiles(image.manifest)) {
    const path = join(image.folder, file);
    const actual = await hashOf(path);
    if (actual !== sha256) {
      throw new QnError("IMAGE_CORRUPT", `"${path}" has the SHA-256 ${actual}, and should have ${sha256}.`);
    }
  }
  await rememberWhole(image);
}

/**
 * Puts a finished folder in place, whose manifest has the hashes of its files: the image goes where its address says,
 * and its name leads there in one step. The folder is gone then. An image that had the name goes when no VM needs it
 * and it has no other name. Whoever is killed on the way leaves the name as it was. Throws IMAGE_CORRUPT when the disk
 * needs other files, and VM_BUSY.
 */
export async function activateImage(
  imagesFolder: string,
  finished: string,
  manifest: ImageManifest,
): Promise<StoredImage> {
  const entry = `${manifest.name}-${manifest.arch}`;
  const made = storedImage(finished, manifest);
  await requireAlone(made.disk);
  for (const { file } of imageFiles(manifest)) await syncFile(join(finished, file));
  await rememberWhole(made);
  const image = storedImage(join(imagesFolder, folderOfId(made.id)), manifest);
  await withImages(imagesFolder, async () => {
    const before = await entryAt(imagesFolder, entry);
    await moveIn(imagesFolder, finished, manifest, !(await isKnownWhole(image)));
    // Of an image that was there the facts are those that are known now.
    await writeFileAtomically(join(image.folder, "image.json"), formatManifest(manifest), 0o644);
    if (before.kind === "folder") await retire(imagesFolder, entry);
    await pointTo(imagesFolder, entry, image.id);
  });
  await rm(finished, { recursive: true, force: true });
  // What cannot be told to be unneeded stays; `qn image prune` says why.
  await sweep(imagesFolder).catch(() => {});
  return image;
}

/** The SHA-256 of a file in lower-case hex, read piece by piece. */
export async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of Bun.file(path).stream()) hash.update(chunk);
  return hash.digest("hex");
}

// --- internal ---

/** Where nobody may write, things stay as they are. */
async function putInOrder(imagesFolder: string): Promise<void> {
  if (!(await isThere(imagesFolder))) return;
  try {
    await withImages(imagesFolder, async () => {});
  } catch (error) {
    if (!["EACCES", "EPERM", "EROFS"].some((code) => isErrno(error, code))) throw error;
  }
}

/** The image in `folder`; nothing when there is no such folder. */
async function imageIn(folder: string): Promise<StoredImage | undefined> {
  const path = join(folder, "image.json");
  const text = await readTextIfThere(path);
  if (text === undefined) {
    if (!(await isThere(folder))) return undefined;
    throw new QnError("IMAGE_CORRUPT", `"${path}" is missing.`);
  }
  const manifest = parseManifest(text, path);
  const image = storedImage(folder, manifest);
  for (const file of imageFiles(manifest)) await requireSize(folder, file);
  await requireAlone(image.disk);
  return image;
}

function storedImage(folder: string, manifest: ImageManifest): StoredImage {
  const [disk, record] = [join(folder, "disk.qcow2"), join(folder, "verified.json")];
  return { id: imageId(manifest), folder, disk, manifest, record };
}

/** Nobody has written to its files since they were found whole. */
async function isKnownWhole(image: StoredImage): Promise<boolean> {
  try {
    return (await readTextIfThere(image.record)) === (await stateOf(image));
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
}

/** A host that loses its power has the file whole, or no name that leads to it. */
async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function rememberWhole(image: StoredImage): Promise<void> {
  await mkdir(dirname(image.record), { recursive: true });
  await writeFileAtomically(image.record, await stateOf(image), 0o644);
}

/** What each file should be, and what changes whenever it is written to or replaced. */
async function stateOf(image: StoredImage): Promise<string> {
  const states = imageFiles(image.manifest).map(async ({ file, sha256 }) => {
    const { ino, size, mtimeNs, ctimeNs } = await stat(join(image.folder, file), { bigint: true });
    return [sha256, ...[ino, size, mtimeNs, ctimeNs].map(String)];
  });
  return JSON.stringify((await Promise.all(states)).flat());
}

/** A quick check for every use; `verifyImage` is the thorough one. */
async function requireSize(folder: string, { file, bytes }: ImageFile): Promise<void> {
  const path = join(folder, file);
  try {
    const facts = await stat(path);
    if (!facts.isFile()) throw new QnError("IMAGE_CORRUPT", `"${path}" is no file.`);
    if (facts.size === bytes) return;
    throw new QnError("IMAGE_CORRUPT", `"${path}" has ${facts.size} bytes, and should have ${bytes}.`);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
    throw new QnError("IMAGE_CORRUPT", `"${path}" is missing.`, { cause: error });
  }
}

/** Also for each use, and before QEMU or qemu-img opens the disk: they would open whatever else it names. */
async function requireAlone(disk: string): Promise<void> {
  const reason = whyNotAlone(await Bun.file(disk).slice(0, qcow2HeadBytes).bytes());
  if (reason === undefined) return;
  throw new QnError("IMAGE_CORRUPT", `"${disk}" ${reason}.`, {
    hint: "An image is one qcow2 file that needs no other: do not use this one, or make it whole with `qemu-img convert -O qcow2`.",
  });
}
