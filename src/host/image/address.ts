/**
 * Where an image lies: a folder whose name is a hash of its files, so that equal images are one, whatever they are
 * called.
 */
import { createHash } from "node:crypto";
import { imageFiles, type ImageManifest } from "./manifest.ts";

/**
 * The image's address, 64 letters of lower-case hex: the SHA-256 of its disk where that is all, or of the list of its
 * files, as sha256sum(1) writes it. So the note that older versions left beside a system disk names its image still.
 */
export function imageId(manifest: ImageManifest): string {
  const files = imageFiles(manifest);
  const [disk] = files;
  if (disk !== undefined && files.length === 1) return disk.sha256;
  const list = files.map(({ file, sha256 }) => `${sha256}  ${file}\n`).toSorted();
  return createHash("sha256").update(list.join("")).digest("hex");
}

/** The name of the folder with the image of this address, below the folder of images. */
export function folderOfId(id: string): string {
  return `sha256-${id}`;
}

/** The address that a folder's name tells; nothing when it is none of an image's. */
export function idOfFolder(name: string): string | undefined {
  return /^sha256-([0-9a-f]{64})$/.exec(name)?.[1];
}

/** The address as people read it: as short as Docker's. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}
