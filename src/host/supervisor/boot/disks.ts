/** Makes a VM's disks what its settings and its image ask for; what users stored is never touched. */
import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { QnError } from "../../../base/errors.ts";
import { isThere, readTextIfThere, writeFileAtomically } from "../../../system/files.ts";
import { claimData, keepOlderData } from "../../image/data-version.ts";
import { makeOwnDisk, makeSystemDisk } from "../../image/disk.ts";
import { claimImage, systemDiskOrigin } from "../../image/vm-images.ts";
import type { VmPaths } from "../../layout.ts";
import { startsWithUefi } from "../../qemu/args.ts";
import { ownDisks } from "../../vm/own-disks.ts";
import type { Prepared } from "../../vm/prepare.ts";
import { dropFirmwareStore, readyFirmwareStore } from "./firmware-store.ts";

/**
 * System disk, data disk, further disks and, for a start with firmware, its variables. The VM first takes the image for
 * its own; then a system disk that was made from another one is made anew: it is an overlay, and worthless on top of
 * anything else. Throws DISK_FAILED, DATA_NEWER, and IMAGE_MISSING when the image was removed meanwhile.
 */
export async function makeDisks(paths: VmPaths, { config, facts, image, spec }: Prepared): Promise<void> {
  const origin = systemDiskOrigin(paths);
  try {
    await mkdir(dirname(paths.dataDisk), { recursive: true, mode: 0o700 });
    await keepOlderData(paths, image);
    await claimImage(paths, image, config.image);
    await claimData(paths, image);
    if (!(await isThere(paths.systemDisk)) || (await readTextIfThere(origin)) !== image.id) {
      // The note goes first and comes last: a disk with a note lies on what it says, whoever is killed on the way.
      await rm(origin, { force: true });
      await rm(paths.systemDisk, { force: true });
      await makeSystemDisk(paths.systemDisk, image.disk);
      await writeFileAtomically(origin, image.id);
    }
    if (config.volumes.length > 0) await mkdir(paths.volumes, { recursive: true, mode: 0o700 });
    for (const disk of ownDisks(paths, config)) await makeOwnDisk(disk);
    if (startsWithUefi(spec)) await readyFirmwareStore(paths, facts.firmware, image.id);
    else await dropFirmwareStore(paths);
  } catch (cause) {
    if (cause instanceof QnError) throw cause;
    throw new QnError("DISK_FAILED", `The disks of "${paths.name}" cannot be made: ${String(cause)}.`, { cause });
  }
}
