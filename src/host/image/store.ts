/** The images of a QN_HOME: what there is, whether it is whole, and putting one in place. */
import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { QnError } from "../../base/errors.ts";
import type { Arch } from "../../base/words.ts";
import { isErrno, isThere, readTextIfThere, writeFileAtomically } from "../../system/files.ts";
import { type ImageFile, imageFiles, type ImageManifest, parseManifest } from "./manifest.ts";
import { qcow2HeadBytes, whyNotAlone } from "./qcow2.ts";

/** An image in its folder. `record` is the file that remembers that it was found whole. */
export type StoredImage = {
  readonly folder: string;
  readonly disk: string;
  readonly manifest: ImageManifest;
  readonly record: string;
};

/**
 * The image of that name, or nothing. Throws IMAGE_CORRUPT when its files cannot be an image's, or its disk needs other
 * files.
 */
export async function findImage(imagesFolder: string, name: string, arch: Arch): Promise<StoredImage | undefined> {
  return await imageIn(join(imagesFolder, `${name}-${arch}`));
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

/** All images, sorted by folder. Throws IMAGE_CORRUPT for one that cannot be an image. */
export async function listImages(imagesFolder: string): Promise<readonly StoredImage[]> {
  const images = [];
  for (const folder of (await foldersIn(imagesFolder)).toSorted()) {
    const image = folder.startsWith(".") ? undefined : await imageIn(join(imagesFolder, folder));
    if (image !== undefined) images.push(image);
  }
  return images;
}

/**
 * Compares all files with their manifest. What was found whole is not read again until one of them changes.
 * Throws IMAGE_CORRUPT when they differ.
 */
export async function verifyImage(image: StoredImage): Promise<void> {
  if ((await readTextIfThere(image.record)) === (await stateOf(image))) return;
  for (const { file, sha256 } of imageFiles(image.manifest)) {
    const path = join(image.folder, file);
    const actual = await hashOf(path);
    if (actual !== sha256) {
      throw new QnError("IMAGE_CORRUPT", `"${path}" has the SHA-256 ${actual}, and should have ${sha256}.`);
    }
  }
  await rememberWhole(image);
}

/** Removes an image; fine when it is gone already. */
export async function removeImage(imagesFolder: string, name: string, arch: Arch): Promise<void> {
  await retire(imagesFolder, `${name}-${arch}`);
}

/**
 * Moves a finished folder, whose manifest has the hashes of its files, to the place of its name, over an older image.
 * A VM that runs keeps the old disk open; readers see the old image, the new one, or for a moment none. Throws
 * IMAGE_CORRUPT when the disk needs other files.
 */
export async function activateImage(
  imagesFolder: string,
  finished: string,
  manifest: ImageManifest,
): Promise<StoredImage> {
  const name = `${manifest.name}-${manifest.arch}`;
  const folder = join(imagesFolder, name);
  await mkdir(imagesFolder, { recursive: true });
  await requireAlone(join(finished, "disk.qcow2"));
  await rememberWhole(storedImage(finished, manifest));
  for (;;) {
    await retire(imagesFolder, name);
    try {
      await rename(finished, folder);
      break;
    } catch (error) {
      // Another build was quicker between the two steps: its image makes room in the next round.
      if (!isErrno(error, "ENOTEMPTY") && !isErrno(error, "EEXIST")) throw error;
    }
  }
  return storedImage(folder, manifest);
}

/** The SHA-256 of a file in lower-case hex, read piece by piece. */
export async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of Bun.file(path).stream()) hash.update(chunk);
  return hash.digest("hex");
}

// --- internal ---

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
  return { folder, disk: join(folder, "disk.qcow2"), manifest, record: join(folder, "verified.json") };
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
    const { size } = facts;
    if (size === bytes) return;
    throw new QnError("IMAGE_CORRUPT", `"${path}" has ${size} bytes, and should have ${bytes}.`);
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

/** Takes a folder out of sight in one step, then removes it. */
async function retire(imagesFolder: string, name: string): Promise<void> {
  const retired = join(imagesFolder, `.old-${randomBytes(6).toString("hex")}`);
  try {
    await rename(join(imagesFolder, name), retired);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return;
    throw error;
  }
  await rm(retired, { recursive: true, force: true });
}

async function foldersIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}
