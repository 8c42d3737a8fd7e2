/**
 * What every command that looks at a VM's disks does first, holding the VM's lock: it finishes what a killed one had
 * decided, and takes back what that had not.
 */
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { isErrno } from "../../system/errno.ts";
import { isThere, namesIn, readTextIfThere } from "../../system/files.ts";
import { dataVersionSchema } from "./manifest.ts";
import { dataDisk } from "../../protocol/disks.ts";
import { noteDataVersion } from "../image/data-version.ts";
import { vmImagesFile } from "../image/usage.ts";
import { layersFolder, liveOverlay } from "../image/live-disk.ts";
import type { VmPaths } from "../layout.ts";
import { collectLayers, namedLayers } from "./collect.ts";
import { dataDisks, rawFileOf, stateFiles } from "./folder.ts";
import { snapshotNames, snapshotsFolder } from "./names.ts";
import { type RestoredFile, restoredFiles, settleDisk } from "./layers.ts";

/** A state that is whole, and takes the place of the VM's own from the moment that it has this name. */
export function arrivingFolder(paths: VmPaths): string {
  return join(paths.folder, ".restoring");
}

const arrivalSchema = v.object({
  /** The files of the VM's own that it replaces (true), or that are not there any more (false). */
  files: v.record(v.picklist([...stateFiles, vmImagesFile]), v.boolean()),
  /** By the name of each disk of data the file that becomes it, in the folder of its layers; others stay. */
  disks: v.record(v.string(), v.picklist(restoredFiles)),
  /** The format of the data that comes with the data disk; nothing for the first. */
  dataVersion: v.optional(dataVersionSchema),
});

/** What is in the `arrival.json` of such a folder. */
export type Arrival = v.InferOutput<typeof arrivalSchema>;

/** The text of an `arrival.json`. */
export function arrivalText(arrival: Arrival): string {
  return JSON.stringify(arrival);
}

/** Leaves a VM of which nothing is half done. Costs some looks at files where nothing was. Throws DISK_FAILED. */
export async function settleVm(paths: VmPaths): Promise<void> {
  await finishArrival(paths);
  await rm(join(paths.folder, ".restoring.new"), { recursive: true, force: true });
  await sweep(snapshotsFolder(paths));
  for (const name of snapshotNames(paths)) await sweep(join(snapshotsFolder(paths), name));
  let hasLayers = false;
  for (const disk of await dataDisks(paths)) {
    if (!(await isThere(layersFolder(disk.raw)))) continue;
    hasLayers = true;
    await settleDisk(disk.raw, await namedLayers(paths, disk));
  }
  if (hasLayers) await collectLayers(paths, { merge: false });
}

// --- internal ---

/** Puts what has arrived in its place. Each step can be done twice, and all are done again after a kill. */
async function finishArrival(paths: VmPaths): Promise<void> {
  const folder = arrivingFolder(paths);
  const text = await readTextIfThere(join(folder, "arrival.json"));
  if (text !== undefined) {
    const { files, disks, dataVersion } = v.parse(arrivalSchema, JSON.parse(text));
    for (const [name, staged] of Object.entries(disks)) await putDisk(rawFileOf(paths, name), staged);
    if (dataDisk in disks) await noteDataVersion(paths, dataVersion);
    for (const [name, isKept] of Object.entries(files)) {
      const place = join(paths.folder, name);
      await (isKept ? moveIfThere(join(folder, name), place) : rm(place, { force: true }));
    }
  }
  await rm(folder, { recursive: true, force: true });
}

/** While both forms are there the overlay counts, so the one that goes is the last to. */
async function putDisk(raw: string, staged: RestoredFile): Promise<void> {
  const places = [
    { name: ".restored.raw", place: raw },
    { name: ".restored.qcow2", place: liveOverlay(raw) },
  ];
  for (const { name, place } of places) if (name === staged) await moveIfThere(join(layersFolder(raw), name), place);
  for (const { name, place } of places) if (name !== staged) await rm(place, { force: true });
}

async function moveIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
}

/** Removes what is half done in a folder, whose names begin with a dot. */
async function sweep(folder: string): Promise<void> {
  for (const name of await namesIn(folder))
    if (name.startsWith(".")) await rm(join(folder, name), { recursive: true, force: true });
}
