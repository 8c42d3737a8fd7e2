/** A throw-away VM: a copy of its template that shares its memory and disks until it writes, and leaves nothing. */
import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { isThere } from "../../system/files.ts";
import { copyDisk } from "../image/copy-disk.ts";
import { liveDisk, liveOverlay } from "../image/live-disk.ts";
import { qemuImg } from "../image/qemu-img.ts";
import type { VmPaths } from "../layout.ts";
import { makeFolder } from "../vm/folder-version.ts";
import { type OwnVm, startOwnVm } from "./follow.ts";
import { homeOf, newCopy, sweepCopies } from "./folders.ts";
import { holdOn } from "./holder.ts";
import { readyTemplate, settingsOf, type TemplateOptions } from "./template.ts";

/** One that runs. `ended` rejects with what it fails with; `end` ends it, and takes all of it away. */
export type Throwaway = OwnVm & { readonly dockerSocket: string };

/**
 * Starts one, and resolves when its Docker answers. It ends with this process, also when that is killed. Throws what
 * `readyTemplate` throws, CONFIG_INVALID for mounts that cannot be, QEMU_FAILED and DISK_FAILED; nothing is left then.
 */
export async function startThrowaway(options: TemplateOptions): Promise<Throwaway> {
  const { layout } = options;
  await sweepCopies(layout);
  const template = await readyTemplate(options);
  const { paths, lock } = await newCopy(layout);
  const holder = holdOn(homeOf(paths));
  const clean = async (): Promise<void> => {
    await rm(homeOf(paths), { recursive: true, force: true });
    holder.release();
    lock.release();
  };
  try {
    await makeFolder(paths);
    await mkdir(paths.emptyFolder, { mode: 0o700 });
    await makeDisks(paths, template);
    const flags = settingsOf(options.flags, options.reached);
    const vm = await startOwnVm({ ...options, paths, flags, template, log: () => {}, onQemu: holder.runs });
    vm.ended.then(holder.runsNone, holder.runsNone);
    const end = async (): Promise<void> => {
      await vm.end();
      await clean();
    };
    return { dockerSocket: paths.dockerSocket, ended: vm.ended, end };
  } catch (error) {
    await clean();
    throw error;
  }
}

// --- internal ---

/** Overlays on the template's disks, and its firmware's variables. */
async function makeDisks(paths: VmPaths, template: VmPaths): Promise<void> {
  const data = await liveDisk(template.dataDisk);
  const overlay = liveOverlay(paths.dataDisk);
  await mkdir(dirname(overlay), { recursive: true, mode: 0o700 });
  await Promise.all([
    makeOverlay(paths.systemDisk, template.systemDisk, "qcow2"),
    makeOverlay(overlay, data.path, data.format),
    (await isThere(template.firmwareVars)) ? copyDisk(template.firmwareVars, paths.firmwareVars) : undefined,
  ]);
}

async function makeOverlay(path: string, below: string, format: string): Promise<void> {
  const words = ["create", "-q", "-f", "qcow2", "-F", format, "-b", below, path];
  await qemuImg(`An overlay on "${below}" cannot be made`, dirname(path), words);
}
