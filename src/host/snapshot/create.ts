/** Makes a snapshot of a VM that is stopped: its settings and all its disks, at one moment. */
import { randomBytes } from "node:crypto";
import { lstat, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { QnError } from "../../base/errors.ts";
import { isErrno } from "../../system/errno.ts";
import { isThere, readTextIfThere, writeFileAtomically } from "../../system/files.ts";
import { dataVersionText } from "../image/data-version.ts";
import { systemDiskOrigin } from "../image/vm-images.ts";
import { copyDisk, diskFailure } from "../image/copy-disk.ts";
import { hasDisk } from "../image/live-disk.ts";
import type { VmPaths } from "../layout.ts";
import { writeLayeredVersion } from "../vm/folder-version.ts";
import { dataDisks, readSnapshot, type Snapshot, stateFiles } from "./folder.ts";
import { snapshotsFolder } from "./names.ts";
import { freeze } from "./layers.ts";
import { formatSnapshot, requireSnapshotName } from "./manifest.ts";
import { settleVm } from "./settle.ts";

/**
 * Makes the snapshot `name`; the caller holds the VM's lock. Disks of data take neither time nor room, the system disk
 * those of a copy where blocks cannot be shared. It is there from one moment to the next. Throws USAGE,
 * SNAPSHOT_EXISTS, NO_SUCH_VM for a VM that was never up, and DISK_FAILED; then there is none, and nothing else has
 * changed.
 */
export async function createSnapshot(paths: VmPaths, name: string, madeAtMs: number): Promise<Snapshot> {
  requireSnapshotName(name);
  await settleVm(paths);
  const final = join(snapshotsFolder(paths), name);
  if (await isThere(final)) {
    throw new QnError("SNAPSHOT_EXISTS", `The VM "${paths.name}" has a snapshot "${name}" already.`);
  }
  if (!(await hasDisk(paths.dataDisk))) {
    throw new QnError("NO_SUCH_VM", `The VM "${paths.name}" has no disks yet.`, { hint: "`qn up` makes them." });
  }
  const made = join(snapshotsFolder(paths), `.new-${randomBytes(6).toString("hex")}`);
  try {
    await mkdir(made, { recursive: true, mode: 0o700 });
    const files = await copyFiles(paths, made);
    const layers: Record<string, string> = {};
    for (const disk of await dataDisks(paths)) {
      const layer = await freeze(disk.raw);
      if (layer !== undefined) layers[disk.name] = layer;
    }
    const image = (await readTextIfThere(systemDiskOrigin(paths)))?.trim();
    const dataVersion = await dataVersionText(paths);
    const manifest = { format: 1, madeAtMs, image, dataVersion, files, layers } as const;
    await writeFileAtomically(join(made, "snapshot.json"), formatSnapshot(manifest));
    await writeLayeredVersion(paths);
    await rename(made, final);
  } catch (error) {
    await rm(made, { recursive: true, force: true });
    await settleVm(paths);
    if (error instanceof QnError) throw error;
    throw await diskFailure(`The snapshot "${name}" cannot be made`, paths.folder, error);
  }
  await settleVm(paths);
  return await readSnapshot(paths, name);
}

// --- internal ---

/** Copies those of the VM's files that are there. A link leads to settings that stand elsewhere, and stays theirs. */
async function copyFiles(paths: VmPaths, folder: string): Promise<string[]> {
  const copied: string[] = [];
  for (const file of stateFiles) {
    const from = join(paths.folder, file);
    if (!(await isPlain(from))) continue;
    await copyDisk(from, join(folder, file));
    copied.push(file);
  }
  return copied;
}

async function isPlain(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isFile();
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
}
