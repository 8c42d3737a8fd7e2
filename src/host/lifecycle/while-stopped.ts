/** Does something to the disks of a VM that is stopped, and stays so meanwhile. */
import { QnError } from "../../base/errors.ts";
import { isThere } from "../../system/files.ts";
import { acquireLock } from "../../system/kernel/lock.ts";
import { isListenedAt } from "../../system/net/connection.ts";
import type { VmPaths } from "../layout.ts";
import { settleVm } from "../snapshot/settle.ts";
import { refuseNewerFolder } from "../vm/folder-version.ts";
import { requireVm } from "../vm/require-vm.ts";
import type { Environment } from "../vm/settings.ts";
import { statusOfVm } from "./status.ts";

/**
 * Settles a VM that is stopped, for whoever reads its settings or its disks next, which may be others then. Does
 * nothing to one that runs, also where only its QEMU lives. Throws NO_SUCH_VM, VM_NEWER and DISK_FAILED.
 */
export async function settleIfStopped(paths: VmPaths): Promise<void> {
  await requireVm(paths);
  await refuseNewerFolder(paths);
  // Where nobody has ever held the lock, nobody has begun anything: a start that is refused leaves no file behind.
  const lock = (await isThere(paths.lock)) ? acquireLock(paths.lock) : undefined;
  if (lock === undefined) return;
  try {
    if (!(await isListenedAt(paths.qmpSocket))) await settleVm(paths);
  } finally {
    lock.release();
  }
}

/**
 * Runs `action` holding the VM's lock, when what a killed command has left half done is settled. Throws NO_SUCH_VM,
 * VM_NEWER, VM_RUNNING with what to do, DISK_FAILED, and what `action` throws.
 */
export async function whileStopped<Result>(
  paths: VmPaths,
  env: Environment,
  action: () => Promise<Result>,
): Promise<Result> {
  await requireVm(paths);
  await refuseNewerFolder(paths);
  const { state } = await statusOfVm(paths, env);
  const lock = state === "stopped" || state === "failed" ? acquireLock(paths.lock) : undefined;
  if (lock === undefined) {
    const how = state === "stopped" || state === "failed" ? "just starting" : state;
    throw new QnError("VM_RUNNING", `The VM "${paths.name}" is ${how}.`, {
      hint:
        state === "suspended"
          ? `Its disks are in use by what is suspended; \`qn up ${paths.name}\` resumes it, \`qn down ${paths.name} --shutdown\` gives its memory up.`
          : `Its disks are in use; stop it first with \`qn down ${paths.name}\`.`,
    });
  }
  try {
    await settleVm(paths);
    return await action();
  } finally {
    lock.release();
  }
}
