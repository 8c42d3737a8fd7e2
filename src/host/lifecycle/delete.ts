/** Deletes a VM: its folder, and its data only when told so. */
import { rm } from "node:fs/promises";
import { messageOf, QnError } from "../../base/errors.ts";
import { isThere, readTextIfThere } from "../../system/files.ts";
import { acquireLock } from "../../system/kernel/lock.ts";
import { removeContext } from "../integrate/docker/context.ts";
import type { VmPaths } from "../layout.ts";
import { removeAllSnapshots } from "../snapshot/restore.ts";
import { lastingPaths } from "../vm/own-disks.ts";
import { settleUnfinished } from "../vm/unfinished.ts";
import { requireVm } from "../vm/require-vm.ts";
import { effectiveConfig, type Environment } from "../vm/settings.ts";
import { takeDown } from "./down.ts";
import { statusOfVm } from "./status.ts";

/**
 * Deletes the VM with its snapshots; resolves to true when data of it was kept. Throws NO_SUCH_VM when there is neither
 * VM nor data, VM_PROTECTED when its settings forbid it, VM_RUNNING when it runs and `force` is not set.
 */
export async function deleteVmFiles(
  paths: VmPaths,
  env: Environment,
  { data, force }: { readonly data: boolean; readonly force: boolean },
  onWarning: (text: string) => void = () => {},
): Promise<boolean> {
  await settleUnfinished(paths);
  const exists = await isThere(paths.folder);
  const hasData = (await Promise.all(lastingPaths(paths).map(isThere))).some(Boolean);
  if (!exists && !(hasData && data)) {
    await requireVm(paths, hasData ? "Its data is still there; `--data` deletes that too." : undefined);
  }
  if (exists) {
    await refuseProtected(paths, env);
    await refuseRunning(paths, env, force);
    await takeDown(paths, { force, env });
    if (!data) await removeSnapshots(paths, onWarning);
    await rm(paths.folder, { recursive: true, force: true });
    await removeContext(paths, env, onWarning);
  }
  // In the other order: a disk without the note of its format would count as one of the first.
  if (data) for (const place of lastingPaths(paths).toReversed()) await rm(place, { recursive: true, force: true });
  return hasData && !data;
}

// --- internal ---

/** They go with the VM; the data that stays is whole, with or without room to merge it. */
async function removeSnapshots(paths: VmPaths, onWarning: (text: string) => void): Promise<void> {
  const lock = acquireLock(paths.lock);
  if (lock === undefined) return;
  try {
    await removeAllSnapshots(paths);
  } catch (error) {
    onWarning(messageOf(error));
  } finally {
    lock.release();
  }
}

async function refuseProtected(paths: VmPaths, env: Environment): Promise<void> {
  if (!(await isProtected(paths, env))) return;
  throw new QnError("VM_PROTECTED", `The VM "${paths.name}" is protected from deletion.`, {
    hint: `\`qn config set ${paths.name} protected=false\` lifts that.`,
  });
}

/** Settings that are wrong elsewhere still protect. */
async function isProtected(paths: VmPaths, env: Environment): Promise<boolean> {
  try {
    return (await effectiveConfig(paths, env)).config.protected;
  } catch {
    const texts = await Promise.all([paths.commonConfig, paths.config].map((path) => readTextIfThere(path)));
    return texts.some((text) => /^protected:\s*true\b/m.test(text ?? ""));
  }
}

async function refuseRunning(paths: VmPaths, env: Environment, force: boolean): Promise<void> {
  if (force) return;
  const { state } = await statusOfVm(paths, env);
  if (state === "stopped" || state === "suspended" || state === "failed") return;
  throw new QnError("VM_RUNNING", `The VM "${paths.name}" is ${state}.`, {
    hint: "Stop it first with `qn down`, or use `--force`.",
  });
}
