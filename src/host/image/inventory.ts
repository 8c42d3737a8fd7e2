/** The images of a QN_HOME as a person asks for them: who needs which, what they take, what is newer. */
import { compareVersions } from "../../base/words.ts";
import type { Layout } from "../layout.ts";
import { newestVersions } from "./newest.ts";
import { type ListedImage, listImages } from "./store.ts";
import { bytesOnDisk } from "./sweep.ts";
import { type ImageUse, imageUses } from "./usage.ts";

/** An image, the bytes that its files take on this machine's disk, its users, and a newer version that is out. */
export type InventoryImage = ListedImage & {
  readonly bytesOnDisk: number;
  readonly usedBy: readonly ImageUse[];
  readonly newer: string | null;
};

/** All of them, those with names first. Throws IMAGE_CORRUPT for one that cannot be an image. */
export async function takeInventory({ home, images, cache }: Layout): Promise<readonly InventoryImage[]> {
  const [listed, uses, newest] = [await listImages(images), await imageUses(home), await newestVersions(cache)];
  return await Promise.all(
    listed.map(async (image) => ({
      ...image,
      bytesOnDisk: await bytesOnDisk(image.folder),
      usedBy: uses.get(image.id) ?? [],
      newer: newerThan(image, newest),
    })),
  );
}

// --- internal ---

function newerThan(
  { id, entries, manifest }: ListedImage,
  newest: Awaited<ReturnType<typeof newestVersions>>,
): string | null {
  const found = entries.map((entry) => newest[entry]).find((each) => each !== undefined && each.id !== id);
  return found !== undefined && compareVersions(found.version, manifest.version) > 0 ? found.version : null;
}
