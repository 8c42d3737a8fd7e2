/** The disks that are the VM's own, whatever its image is: the data disk, and those of the setting `volumes`. */
import { stat } from "node:fs/promises";
import { isErrno } from "../../system/errno.ts";
import { dataDisk } from "../../protocol/disks.ts";
import type { VmConfig } from "../config/schema.ts";
import { dataVersionFile, olderData } from "../image/data-version.ts";
import { refuseSmaller, sizeOfDisk, type SizedDisk } from "../image/disk.ts";
import { layersFolder, liveDisk } from "../image/live-disk.ts";
import { type VmPaths, volumeFile } from "../layout.ts";

/** Each with its file and the size that the settings give it. */
export function ownDisks(paths: VmPaths, config: Pick<VmConfig, "diskGiB" | "volumes">): readonly SizedDisk[] {
  return [
    { name: dataDisk, path: paths.dataDisk, sizeGiB: config.diskGiB },
    ...config.volumes.map(({ name, sizeGiB }) => ({ name, path: volumeFile(paths, name), sizeGiB })),
  ];
}

/**
 * What outlives a VM unless it is told otherwise: the data disk with its layers between the notes that belong to it,
 * and a folder of files. The note of its format comes first, so that the disk is never where the note is not yet.
 */
export function lastingPaths(paths: VmPaths): readonly string[] {
  return [dataVersionFile(paths), paths.dataDisk, layersFolder(paths.dataDisk), ...olderData(paths), paths.volumes];
}

/**
 * What a disk has on this machine: its size, and what its file takes, without layers that it lies on, in bytes; nothing
 * when there is no file.
 */
export async function diskUse(path: string): Promise<{ sizeBytes: number; usedBytes: number } | undefined> {
  try {
    const live = await liveDisk(path);
    const { blocks } = await stat(live.path);
    // The unit of st_blocks is 512 bytes whatever the file system has (stat(2)).
    return { sizeBytes: await sizeOfDisk(live), usedBytes: blocks * 512 };
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Throws DISK_FAILED for settings by which a disk that is there would have to shrink. */
export async function refuseShrinking(paths: VmPaths, config: Pick<VmConfig, "diskGiB" | "volumes">): Promise<void> {
  for (const disk of ownDisks(paths, config)) refuseSmaller(disk, (await diskUse(disk.path))?.sizeBytes ?? 0);
}
