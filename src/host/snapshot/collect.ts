/** Gives back the room of layers that no snapshot names: what lies on one is merged into it. */
import { link, rename, rm, rmdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { isErrno } from "../../system/errno.ts";
import { isThere, writeFileAtomically } from "../../system/files.ts";
import { layersFolder, liveOverlay } from "../image/live-disk.ts";
import { qemuImg } from "../image/qemu-img.ts";
import type { VmPaths } from "../layout.ts";
import { dataDisks, type DataDisk, listSnapshots } from "./folder.ts";
import { formatOf, isWhole, layerBelow, layersIn } from "./layers.ts";
import { formatSnapshot } from "./manifest.ts";

/**
 * Removes the layers that neither a snapshot nor a disk needs, at once; with `merge` also those that one other lies on,
 * which takes as long as copying what that has of its own. Whenever this is killed, all disks and snapshots hold what
 * they held. Throws DISK_FAILED when there is no room to merge; then all is as it was, and takes the room that it took.
 */
export async function collectLayers(paths: VmPaths, { merge }: { readonly merge: boolean }): Promise<void> {
  for (const disk of await dataDisks(paths)) {
    const pool = { paths, disk, folder: layersFolder(disk.raw) };
    while (await collectOne(pool, merge));
    await removeIfEmpty(pool.folder);
  }
}

/** By the name of each disk the layers that snapshots name. */
export async function namedLayers(paths: VmPaths, disk: DataDisk): Promise<ReadonlySet<string>> {
  const layers = (await listSnapshots(paths)).flatMap(({ manifest }) => manifest.layers[disk.name] ?? []);
  return new Set(layers);
}

/** Removes a folder of layers that has none. */
export async function removeIfEmpty(folder: string): Promise<void> {
  try {
    await rmdir(folder);
  } catch (error) {
    if (!isErrno(error, "ENOENT") && !isErrno(error, "ENOTEMPTY")) throw error;
  }
}

// --- internal ---

/** One disk's layers. */
type Pool = { readonly paths: VmPaths; readonly disk: DataDisk; readonly folder: string };

/** Removes or merges one layer; false when there is none left for that. */
async function collectOne(pool: Pool, merge: boolean): Promise<boolean> {
  const { paths, disk, folder } = pool;
  const layers = await layersIn(folder);
  const named = await namedLayers(paths, disk);
  const hidden = layers.filter((layer) => !named.has(layer));
  for (const layer of hidden) {
    if (await isWhole(join(folder, layer))) continue;
    await rm(join(folder, layer));
    return true;
  }
  const live = basename(liveOverlay(disk.raw));
  const all = (await isThere(liveOverlay(disk.raw))) ? [...layers, live] : layers;
  const below = new Map(
    await Promise.all(all.map(async (name) => [name, await layerBelow(join(folder, name))] as const)),
  );
  const above = (layer: string): readonly string[] => all.filter((name) => below.get(name) === layer);
  const unused = hidden.find((layer) => above(layer).length === 0);
  if (unused !== undefined) {
    await rm(join(folder, unused));
    return true;
  }
  const lower = merge ? hidden.find((layer) => above(layer).length === 1) : undefined;
  const [upper] = lower === undefined ? [] : above(lower);
  if (lower === undefined || upper === undefined) return false;
  await mergeDown(pool, lower, upper, above(upper));
  return true;
}

/**
 * Writes what `upper` has of its own into `lower`, which nothing else lies on, and lets it take the place of `upper`.
 * Until that is done `upper` shows the same as ever: it hides what changes below it.
 */
async function mergeDown(pool: Pool, lower: string, upper: string, onUpper: readonly string[]): Promise<void> {
  const { disk, folder } = pool;
  const what = `"${join(folder, upper)}" cannot be merged`;
  await qemuImg(what, folder, ["commit", "-q", "-d", "-f", "qcow2", upper]);
  if (join(folder, upper) === liveOverlay(disk.raw)) return await makeLive(pool, lower);
  // Both hold the same from here on.
  for (const name of onUpper) {
    await qemuImg(what, folder, ["rebase", "-u", "-f", "qcow2", "-F", formatOf(lower), "-b", lower, name]);
  }
  for (const { folder: own, manifest } of await listSnapshots(pool.paths)) {
    if (manifest.layers[disk.name] !== upper) continue;
    const layers = { ...manifest.layers, [disk.name]: lower };
    await writeFileAtomically(join(own, "snapshot.json"), formatSnapshot({ ...manifest, layers }));
  }
  await rm(join(folder, upper));
}

/** Lets the layer be the disk, in the place of the overlay that has been merged into it. */
async function makeLive({ disk, folder }: Pool, layer: string): Promise<void> {
  if (formatOf(layer) === "qcow2") return await rename(join(folder, layer), liveOverlay(disk.raw));
  // A disk that has two names is settled by `settleDisk`, whichever of the next steps is the last.
  await rm(disk.raw, { force: true });
  await link(join(folder, layer), disk.raw);
  await rm(liveOverlay(disk.raw));
  await rm(join(folder, layer));
}
