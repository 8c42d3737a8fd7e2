/**
 * The format of what a VM keeps on its data disk, noted beside it: an older image could not read what a newer one has
 * left there. Before the first start with a newer format a copy of the disk is made.
 */
import { rename, rm } from "node:fs/promises";
import { QnError } from "../../base/errors.ts";
import { isThere, readTextIfThere, writeFileAtomically } from "../../system/files.ts";
import type { VmPaths } from "../layout.ts";
import { copyDisk } from "./copy-disk.ts";
import { liveDisk } from "./live-disk.ts";
import { dataVersionOf } from "./manifest.ts";
import { flattenDisk } from "./qemu-img.ts";
import type { StoredImage } from "./store.ts";

/** The file beside a data disk that notes its format. */
export function dataVersionFile({ dataDisk }: Pick<VmPaths, "dataDisk">): string {
  return `${dataDisk}.version`;
}

/** The copy of a data disk from before its format last changed, and one that is not finished. */
export function olderData({ dataDisk }: Pick<VmPaths, "dataDisk">): readonly [copy: string, unfinished: string] {
  return [`${dataDisk}.before`, `${dataDisk}.before.tmp`];
}

/** The noted format of a VM's data, as text; nothing where none is noted, which is the first. */
export async function dataVersionText(paths: Pick<VmPaths, "dataDisk">): Promise<string | undefined> {
  return (await readTextIfThere(dataVersionFile(paths)))?.trim();
}

/** Notes the format of data that were put in place, or that it is the first. */
export async function noteDataVersion(paths: Pick<VmPaths, "dataDisk">, version: string | undefined): Promise<void> {
  const file = dataVersionFile(paths);
  await (version === undefined ? rm(file, { force: true }) : writeFileAtomically(file, `${version}\n`));
}

/** Throws DATA_NEWER when the guest of the image could not read what is on the VM's data disk. */
export async function refuseOlderData(paths: VmPaths, { manifest }: StoredImage): Promise<void> {
  const [has, knows] = [await formatOn(paths), dataVersionOf(manifest)];
  if (has <= knows) return;
  const [copy] = olderData(paths);
  const live = await liveDisk(paths.dataDisk);
  // An overlay counts where there is one, whatever is moved to the raw file's place.
  const inTheWay = [dataVersionFile(paths), ...(live.format === "qcow2" ? [live.path] : [])];
  const text = `The data of "${paths.name}" has format ${has}; the image "${manifest.name}" (${manifest.version}) knows formats up to ${knows}.`;
  throw new QnError("DATA_NEWER", text, {
    ...((await isThere(copy)) && {
      hint: `The data as it was before is in ${copy}: to go back to it, move it to ${paths.dataDisk} and remove ${inTheWay.join(" and ")}.`,
    }),
  });
}

/**
 * Copies the data disk when the image's guest is about to change its format, to `….before`: whole, or not at all.
 * Throws DISK_FAILED when there is no room for it, and DATA_NEWER.
 */
export async function keepOlderData(paths: VmPaths, image: StoredImage): Promise<void> {
  await refuseOlderData(paths, image);
  const live = await liveDisk(paths.dataDisk);
  if (!(await isThere(live.path)) || (await formatOn(paths)) === dataVersionOf(image.manifest)) return;
  const [copy, unfinished] = olderData(paths);
  try {
    await rm(unfinished, { force: true });
    await (live.format === "qcow2" ? flattenDisk(live.path, unfinished) : copyDisk(live.path, unfinished));
    await rename(unfinished, copy);
  } finally {
    await rm(unfinished, { force: true });
  }
}

/** Notes that a guest of this image has the data disk from now on. */
export async function claimData(paths: VmPaths, { manifest }: StoredImage): Promise<void> {
  const version = dataVersionOf(manifest);
  if (version === (await formatOn(paths))) return;
  await noteDataVersion(paths, version === 1 ? undefined : `${version}`);
}

// --- internal ---

/** The format on the data disk: 1 where nothing is noted, as beside disks of older versions. */
async function formatOn(paths: VmPaths): Promise<number> {
  const text = (await dataVersionText(paths)) ?? "1";
  // What somebody else has written there counts as newer than anything.
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : Number.MAX_SAFE_INTEGER;
}
