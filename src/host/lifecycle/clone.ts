/** Makes a VM from another one, or gives one another name; both need it stopped. */
import { copyFile, mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { QnError } from "../../base/errors.ts";
import { isThere } from "../../system/files.ts";
import { copyDisk } from "../image/copy-disk.ts";
import { dataVersionFile } from "../image/data-version.ts";
import { liveDisk } from "../image/live-disk.ts";
import { flattenDisk } from "../image/qemu-img.ts";
import { vmImagesFile } from "../image/usage.ts";
import { writeFolderVersion } from "../vm/folder-version.ts";
import { removeContext } from "../integrate/docker/context.ts";
import type { VmPaths } from "../layout.ts";
import { lastingPaths } from "../vm/own-disks.ts";
import { makeFiles, renameFiles } from "../vm/unfinished.ts";
import { requireVm } from "../vm/require-vm.ts";
import type { Environment } from "../vm/settings.ts";
import { dataDisks, rawFileOf } from "../snapshot/folder.ts";
import { whileStopped } from "./while-stopped.ts";

/**
 * Makes the VM `to` with the settings, the system disk and the data of `from`; its keys and ports are its own, made at
 * its first start. Throws NO_SUCH_VM, VM_RUNNING, VM_EXISTS, VM_NEWER, and DISK_FAILED; then, and after a kill, there
 * is no `to`.
 */
export async function cloneVm(from: VmPaths, to: VmPaths, env: Environment): Promise<void> {
  await toFreeName(from, to, env, async () => {
    await makeFiles(to, async () => {
      await writeFolderVersion(to);
      if (await isThere(from.config)) await copyFile(from.config, to.config);
      for (const file of [`${from.folder}/${vmImagesFile}`, from.systemDisk, `${from.systemDisk}.origin`]) {
        await copyIfThere(file, file.replace(from.folder, to.folder));
      }
      await copyIfThere(dataVersionFile(from), dataVersionFile(to));
      for (const { name, raw } of await dataDisks(from)) await copyData(raw, rawFileOf(to, name));
    });
  });
}

/**
 * Gives the VM another name: its folder, its data, and what others know it by. Killed on the way, it is there whole
 * under one name or the other. Throws as `cloneVm` does, and VM_BUSY.
 */
export async function renameVm(
  from: VmPaths,
  to: VmPaths,
  env: Environment,
  onWarning: (text: string) => void,
): Promise<void> {
  await toFreeName(from, to, env, async () => {
    await removeContext(from, env, onWarning);
    // They have the old name in them, and are written anew at each start.
    for (const path of [from.sshConfig, from.sshKnownHosts]) await rm(path, { force: true });
    await renameFiles(from, to);
  });
}

// --- internal ---

/** Does something to a VM that is stopped, and stays so meanwhile, and to a name that is free. */
async function toFreeName(from: VmPaths, to: VmPaths, env: Environment, action: () => Promise<void>): Promise<void> {
  await requireVm(from);
  if (await isThere(to.folder)) throw new QnError("VM_EXISTS", `There is a VM "${to.name}" already.`);
  for (const place of lastingPaths(to)) {
    if (!(await isThere(place))) continue;
    throw new QnError("VM_EXISTS", `There is data of a deleted VM "${to.name}": ${place}.`, {
      hint: `\`qn delete ${to.name} --data\` deletes it.`,
    });
  }
  await whileStopped(from, env, action);
}

/** A clone's data lies on no layers, which are those of the snapshots of its source. */
async function copyData(from: string, to: string): Promise<void> {
  const live = await liveDisk(from);
  await mkdir(dirname(to), { recursive: true, mode: 0o700 });
  if (live.format === "qcow2") await flattenDisk(live.path, to);
  else await copyIfThere(live.path, to);
}

async function copyIfThere(from: string, to: string): Promise<void> {
  if (await isThere(from)) await copyDisk(from, to);
}
