/** Brings a VM that is stopped back to what a snapshot of it holds, or takes a snapshot away. */
import { randomBytes } from "node:crypto";
import { lstat, mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { QnError } from "../../base/errors.ts";
import { isThere, writeFileAtomically } from "../../system/files.ts";
import { copyDisk, diskFailure } from "../image/copy-disk.ts";
import { type SizedDisk, sizeOfDisk } from "../image/disk.ts";
import { layersFolder } from "../image/live-disk.ts";
import { vmImagesFile } from "../image/usage.ts";
import { readVmImages, writeVmImages } from "../image/vm-images.ts";
import type { VmPaths } from "../layout.ts";
import { fittingText } from "../vm/fitting-sizes.ts";
import { diskUse } from "../vm/own-disks.ts";
import { collectLayers } from "./collect.ts";
import { rawFileOf, readSnapshot, type Snapshot, stateFiles } from "./folder.ts";
import { snapshotsFolder } from "./names.ts";
import { formatOf, thaw } from "./layers.ts";
import { type Arrival, arrivalText, arrivingFolder, settleVm } from "./settle.ts";

/**
 * Gives the VM the disks and settings of the snapshot, which stays; the caller holds the VM's lock. What it has now is
 * gone then, from one moment to the next. Disks that were added since stay as they are, and settings that stand
 * elsewhere (config.yaml is a link). The VM stays on the snapshot's image, as one that went back does, until its
 * name leads to another one than `namedImage`, where it leads now. Throws USAGE, NO_SUCH_SNAPSHOT, and DISK_FAILED;
 * then the VM is as it was.
 */
export async function restoreSnapshot(paths: VmPaths, name: string, namedImage?: string): Promise<void> {
  await settleVm(paths);
  const snapshot = await readSnapshot(paths, name);
  const staging = join(paths.folder, ".restoring.new");
  try {
    await mkdir(staging, { mode: 0o700 });
    const files = await stageFiles(paths, snapshot, staging);
    if (await stageImages(paths, snapshot, staging, namedImage)) files[vmImagesFile] = true;
    const disks = await stageDisks(paths, snapshot);
    const arrival = { files, disks, dataVersion: snapshot.manifest.dataVersion };
    await writeFileAtomically(join(staging, "arrival.json"), arrivalText(arrival));
    await rename(staging, arrivingFolder(paths));
  } catch (error) {
    await settleVm(paths);
    if (error instanceof QnError) throw error;
    throw await diskFailure(`The snapshot "${name}" cannot be brought back`, paths.folder, error);
  }
  await settleVm(paths);
}

/**
 * Removes the snapshot, and gives back its room: where others lie on its layers, these are merged, which takes as long
 * as copying what has changed since. The caller holds the VM's lock. Throws USAGE and NO_SUCH_SNAPSHOT; DISK_FAILED
 * when there is no room to merge: the snapshot is gone then, and its room comes with a later removal.
 */
export async function removeSnapshot(paths: VmPaths, name: string): Promise<void> {
  await settleVm(paths);
  const { folder } = await readSnapshot(paths, name).catch(async (error: unknown) => {
    // One that this qn does not understand can be removed too.
    const unread = join(snapshotsFolder(paths), name);
    if (error instanceof QnError && error.code === "DISK_FAILED" && (await isThere(unread))) return { folder: unread };
    // What a killed removal has not merged is merged by the next one, of whatever.
    await collectLayers(paths, { merge: true });
    throw error;
  });
  await retire(folder);
  await collectLayers(paths, { merge: true });
}

/** Removes all snapshots of a VM that goes. What merging has no room for stays below its disk. */
export async function removeAllSnapshots(paths: VmPaths): Promise<void> {
  await settleVm(paths);
  if (await isThere(snapshotsFolder(paths))) await retire(snapshotsFolder(paths));
  await collectLayers(paths, { merge: true });
}

// --- internal ---

/** Takes a folder out of sight in one step, then removes it. */
async function retire(folder: string): Promise<void> {
  const retired = join(folder, "..", `.old-${randomBytes(6).toString("hex")}`);
  await rename(folder, retired);
  await rm(retired, { recursive: true, force: true });
}

async function stageFiles(paths: VmPaths, { folder, manifest }: Snapshot, staging: string): Promise<Arrival["files"]> {
  const files: Arrival["files"] = {};
  for (const file of stateFiles) {
    const there = await lstat(join(paths.folder, file)).catch(() => undefined);
    if (there?.isSymbolicLink() === true) continue;
    const isKept = manifest.files.includes(file);
    // Settings that were a link then have been written down since.
    if (file === "config.yaml" && !isKept) continue;
    if (isKept) await copyDisk(join(folder, file), join(staging, file));
    if (file === "config.yaml") await fitSettings(paths, manifest, join(staging, file));
    files[file] = isKept;
  }
  return files;
}

/** A disk that is not the snapshot's stays as large as it is, whatever the settings of then say. */
async function fitSettings(paths: VmPaths, { layers }: Snapshot["manifest"], file: string): Promise<void> {
  const sizeOf = async ({ name, path }: SizedDisk): Promise<number | undefined> => {
    const layer = layers[name];
    if (layer === undefined) return (await diskUse(path))?.sizeBytes;
    return await sizeOfDisk({ path: join(layersFolder(path), layer), format: formatOf(layer) });
  };
  const text = await readFile(file, "utf8");
  const fitting = await fittingText(paths, text, sizeOf);
  if (fitting !== text) await writeFileAtomically(file, fitting);
}

/** Notes which image the VM has then; false for a snapshot that has none. */
async function stageImages(
  paths: VmPaths,
  { manifest }: Snapshot,
  staging: string,
  namedImage: string | undefined,
): Promise<boolean> {
  const current = manifest.image;
  if (current === undefined) return false;
  const known = await readVmImages(paths);
  const isOther = known !== undefined && known.current !== current;
  await writeVmImages(
    { ...paths, folder: staging },
    {
      current,
      name: known?.name ?? null,
      previous: isOther ? known.current : (known?.previous ?? null),
      declined: namedImage === undefined || namedImage === current ? null : namedImage,
    },
  );
  return true;
}

async function stageDisks(paths: VmPaths, { manifest }: Snapshot): Promise<Arrival["disks"]> {
  const disks: Arrival["disks"] = {};
  for (const [name, layer] of Object.entries(manifest.layers)) disks[name] = await thaw(rawFileOf(paths, name), layer);
  return disks;
}
