/** Lists, adds and removes a VM's further disks. */

import { QnError } from "../../base/errors.ts";
import { dataDisk, folderOf, isVolumeName } from "../../protocol/disks.ts";
import { acquireLock, type Lock } from "../../system/kernel/lock.ts";
import { changeFile } from "../config/change.ts";
import type { VmConfig } from "../config/schema.ts";
import { bytesOf } from "../image/disk.ts";
import { hasDisk, removeDisk as removeContent } from "../image/live-disk.ts";
import { type VmPaths, volumeFile } from "../layout.ts";
import { dataDisks } from "../snapshot/folder.ts";
import { diskUse, ownDisks } from "../vm/own-disks.ts";
import { requireVm } from "../vm/require-vm.ts";
import { effectiveConfig, type Environment } from "../vm/settings.ts";
import { DiskTurn } from "./disk-turn.ts";
import { statusOfVm } from "./status.ts";

/**
 * A disk of a VM: `made`, in the settings only (`new`, made at the next start), or left of a disk that was removed from
 * them (`kept`). `usedBytes` is what it takes on this machine.
 */
export type DiskView = {
  readonly name: string;
  readonly state: "made" | "new" | "kept";
  readonly sizeBytes: number;
  readonly usedBytes: number;
  /** Where the guest has it. */
  readonly folder: string;
  readonly file: string;
};

/** The data disk, then the further ones by name. Throws NO_SUCH_VM and CONFIG_INVALID. */
export async function listDisks(paths: VmPaths, env: Environment): Promise<readonly DiskView[]> {
  await requireVm(paths);
  const { config } = await effectiveConfig(paths, env);
  const set = await Promise.all(
    ownDisks(paths, config).map(async (disk): Promise<DiskView> => {
      const use = await diskUse(disk.path);
      const state = use === undefined ? "new" : "made";
      const sizeBytes = use?.sizeBytes ?? bytesOf(disk);
      return { ...view(disk.name, disk.path), state, sizeBytes, usedBytes: use?.usedBytes ?? 0 };
    }),
  );
  const kept: DiskView[] = [];
  for (const name of await keptNames(paths, config)) {
    const file = volumeFile(paths, name);
    const use = await diskUse(file);
    if (use !== undefined) kept.push({ ...view(name, file), state: "kept", ...use });
  }
  const [data, ...volumes] = set;
  return [...(data === undefined ? [] : [data]), ...[...volumes, ...kept].toSorted(byName)];
}

/**
 * Writes a further disk into the settings of a VM, which may not be there yet; true when it finds what an earlier one
 * of that name has left. Throws USAGE when there is one, CONFIG_INVALID for a name or a size that cannot be,
 * DISK_FAILED when what is left is larger, VM_BUSY.
 */
export async function addDisk(paths: VmPaths, env: Environment, name: string, sizeGiB: number): Promise<boolean> {
  using turn = new DiskTurn(paths, env);
  await turn.begin();
  const { volumes } = (await effectiveConfig(paths, env)).config;
  if (volumes.some((volume) => volume.name === name)) {
    throw new QnError("USAGE", `The VM "${paths.name}" has a disk "${name}" already.`, {
      hint: "`qn disk ls` shows the disks; `qn config edit` changes the size of one.",
    });
  }
  const isKept = isVolumeName(name) && (await hasDisk(volumeFile(paths, name)));
  await changeFile(paths.config, new Map([["volumes", [...volumes, { name, sizeGiB }]]]), turn.accept);
  return isKept;
}

/**
 * Takes a further disk out of the VM's settings, and its data too if told so, also that of one that was taken out
 * before. Gives back what it has left. Throws NO_SUCH_VM, NO_SUCH_DISK, VM_BUSY, and VM_RUNNING for data that a
 * guest may be using.
 */
export async function removeDisk(
  paths: VmPaths,
  env: Environment,
  name: string,
  { data }: { readonly data: boolean },
): Promise<{ readonly keptFile: string | undefined }> {
  await requireVm(paths);
  using turn = new DiskTurn(paths, env);
  await turn.begin();
  const { volumes } = (await effectiveConfig(paths, env)).config;
  const file = volumeFile(paths, name);
  const isSet = volumes.some((volume) => volume.name === name);
  const hasFile = isVolumeName(name) && (await hasDisk(file));
  if (!isSet && !(hasFile && data)) throw noSuchDisk(paths, name, hasFile);
  const lock = data ? await lockStopped(paths, env, name) : undefined;
  try {
    const rest = volumes.filter((volume) => volume.name !== name);
    if (isSet) await changeFile(paths.config, new Map([["volumes", rest]]), turn.accept);
    if (data) await removeContent(file);
  } finally {
    lock?.release();
  }
  return { keptFile: hasFile && !data ? file : undefined };
}

// --- internal ---

function view(name: string, file: string) {
  return { name, folder: folderOf(name), file };
}

function byName(a: DiskView, b: DiskView): number {
  return a.name < b.name ? -1 : 1;
}

/** Keeps the VM from starting. Throws VM_RUNNING when it runs, also where only its QEMU lives. */
async function lockStopped(paths: VmPaths, env: Environment, name: string): Promise<Lock> {
  const { state } = await statusOfVm(paths, env);
  const lock = state === "stopped" || state === "failed" ? acquireLock(paths.lock) : undefined;
  if (lock !== undefined) return lock;
  throw new QnError("VM_RUNNING", `The VM "${paths.name}" is ${state}, and may be using the disk "${name}".`, {
    hint: `Stop it first with \`qn down ${paths.name} --shutdown\`; without \`--data\` the disk goes at the next start, and its data stays.`,
  });
}

/** Names of disks that are there and in no setting. */
async function keptNames(paths: VmPaths, { volumes }: VmConfig): Promise<readonly string[]> {
  const names = (await dataDisks(paths)).map(({ name }) => name);
  return names.filter((name) => name !== dataDisk && !volumes.some((volume) => volume.name === name));
}

function noSuchDisk(paths: VmPaths, name: string, hasFile: boolean): QnError {
  const hint =
    name === dataDisk
      ? "It goes with its VM: `qn delete --data`."
      : hasFile
        ? "Its data is still there; `--data` deletes that too."
        : undefined;
  const message = `The VM "${paths.name}" has no disk "${name}" that can be removed.`;
  return new QnError("NO_SUCH_DISK", message, hint === undefined ? {} : { hint });
}
