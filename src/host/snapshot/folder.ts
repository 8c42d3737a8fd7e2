/** Where a VM's snapshots are and what they are of; what is there and what it takes. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { QnError } from "../../base/errors.ts";
import { dataDisk, isVolumeName } from "../../protocol/disks.ts";
import { isErrno } from "../../system/errno.ts";
import { namesIn, readTextIfThere } from "../../system/files.ts";
import { layersFolder } from "../image/live-disk.ts";
import { type VmPaths, volumeFile } from "../layout.ts";
import { snapshotNames, snapshotsFolder } from "./names.ts";
import { parseSnapshot, requireSnapshotName, type SnapshotManifest } from "./manifest.ts";

/** A snapshot in its folder. */
export type Snapshot = { readonly name: string; readonly folder: string; readonly manifest: SnapshotManifest };

/** A disk of data by its name in snapshots; `raw` is its file while it lies on no layer. */
export type DataDisk = { readonly name: string; readonly raw: string };

/** The file of a disk of data while it lies on no layer: the data disk's, or a further one's in the folder of those. */
export function rawFileOf(paths: VmPaths, name: string): string {
  return name === dataDisk ? paths.dataDisk : volumeFile(paths, name);
}

/** The disks of data that there are, or were in a snapshot. */
export async function dataDisks(paths: VmPaths): Promise<readonly DataDisk[]> {
  const files = await namesIn(paths.volumes);
  const names = files.flatMap((file) => /^(.*)\.(?:raw|layers)$/.exec(file)?.[1] ?? []);
  return [dataDisk, ...new Set(names.filter((name) => isVolumeName(name)).toSorted())].map((name) => ({
    name,
    raw: rawFileOf(paths, name),
  }));
}

/**
 * The files in the VM's folder that snapshots hold: settings, the system disk and the firmware's variables, each of
 * them with what it was made from. Keys, ports and logs stay what they are.
 */
export const stateFiles = [
  "config.yaml",
  "system.qcow2",
  "system.qcow2.origin",
  "firmware-vars.fd",
  "firmware-vars.fd.origin",
] as const;

/** The snapshots, the oldest first. Throws DISK_FAILED for one that this qn does not understand. */
export async function listSnapshots(paths: VmPaths): Promise<readonly Snapshot[]> {
  const all = await Promise.all(snapshotNames(paths).map((name) => readSnapshot(paths, name)));
  return all.toSorted((a, b) => a.manifest.madeAtMs - b.manifest.madeAtMs || (a.name < b.name ? -1 : 1));
}

/** The snapshot of that name. Throws USAGE, NO_SUCH_SNAPSHOT and DISK_FAILED. */
export async function readSnapshot(paths: VmPaths, name: string): Promise<Snapshot> {
  requireSnapshotName(name);
  const folder = join(snapshotsFolder(paths), name);
  const path = join(folder, "snapshot.json");
  const text = await readTextIfThere(path);
  if (text === undefined) throw new QnError("NO_SUCH_SNAPSHOT", `The VM "${paths.name}" has no snapshot "${name}".`);
  return { name, folder, manifest: parseSnapshot(text, path) };
}

/** The bytes that a snapshot's own files take, blocks that it shares included. */
export async function bytesTaken(paths: VmPaths, { folder, manifest }: Snapshot): Promise<number> {
  const own = (await readdir(folder)).map((file) => join(folder, file));
  const layers = Object.entries(manifest.layers).map(([name, layer]) =>
    join(layersFolder(rawFileOf(paths, name)), layer),
  );
  const sizes = await Promise.all([...own, ...layers].map(blockBytes));
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

// --- internal ---

async function blockBytes(path: string): Promise<number> {
  try {
    return (await stat(path)).blocks * 512;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return 0;
    throw error;
  }
}
