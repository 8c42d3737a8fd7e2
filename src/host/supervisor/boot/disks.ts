/** Makes a VM's disks what its settings and its image ask for; what users stored is never touched. */
import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { QnError } from "../../../base/errors.ts";
import { isThere, readTextIfThere, writeFileAtomically } from "../../../system/files.ts";
import { makeDataDisk, makeSystemDisk } from "../../image/disk.ts";
import type { VmPaths } from "../../layout.ts";
import type { Prepared } from "../../vm/prepare.ts";
import { readyFirmwareStore } from "./firmware-store.ts";

/**
 * System disk, data disk and the firmware's variables. A system disk that was made from another image than there is
 * now is made anew: it is an overlay, and worthless on top of anything else. Throws DISK_FAILED.
 */
export async function makeDisks(paths: VmPaths, { config, facts, image }: Prepared): Promise<void> {
  const origin = `${paths.systemDisk}.origin`;
  const { sha256 } = image.manifest.disk;
  try {
    await mkdir(dirname(paths.dataDisk), { recursive: true, mode: 0o700 });
    if (!(await isThere(paths.systemDisk)) || (await readTextIfThere(origin)) !== sha256) {
      await rm(paths.systemDisk, { force: true });
      await makeSystemDisk(paths.systemDisk, image.disk);
      await writeFileAtomically(origin, sha256);
    }
    await makeDataDisk(paths.dataDisk, config.diskGiB);
    await readyFirmwareStore(paths, facts.firmware, sha256);
  } catch (cause) {
    if (cause instanceof QnError) throw cause;
    throw new QnError("DISK_FAILED", `The disks of "${paths.name}" cannot be made: ${String(cause)}.`, { cause });
  }
}
