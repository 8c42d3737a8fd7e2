/** Does something to the disks of a VM that is stopped, and stays so meanwhile. */
import { QnError } from "../../base/errors.ts";
import { acquireLock } from "../../system/kernel/lock.ts";
import type { VmPaths } from "../layout.ts";
import { settleVm } from "../snapshot/settle.ts";
import { refuseNewerFolder } from "../vm/folder-version.ts";
import { requireVm } from "../vm/require-vm.ts";
import type { Environment } from "../vm/settings.ts";
import { statusOfVm } from "./status.ts";

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
      hint: `Its disks are in use; stop it first with \`qn down ${paths.name}\`.`,
    });
  }
  try {
    await settleVm(paths);
    return await action();
  } finally {
    lock.release();
  }
}
