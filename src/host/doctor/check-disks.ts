/** Looks over the system disks of stopped VMs. */
import { isThere } from "../../system/files.ts";
import { diskFault } from "../image/disk-check.ts";
import type { Layout, VmPaths } from "../layout.ts";
import { statusOfVm, vmNames } from "../lifecycle/status.ts";
import type { Environment } from "../vm/settings.ts";
import { isAboutSettings } from "./check-settings.ts";

/** What is wrong with the disks of one VM, and what to do about it. */
export type DiskFault = { readonly text: string; readonly fix: string };

/**
 * What is wrong with disks, and how many were looked at. Those of VMs that run are QEMU's alone: they are not opened,
 * and what is found in one that has started meanwhile does not count.
 */
export async function disksOfStopped(
  layout: Layout,
  env: Environment,
): Promise<{ readonly looked: number; readonly faults: readonly DiskFault[] }> {
  const faults: DiskFault[] = [];
  let looked = 0;
  for (const name of await vmNames(layout)) {
    const paths = layout.vm(name);
    if (!(await isThere(paths.systemDisk)) || !(await isStopped(paths, env))) continue;
    const fault = await diskFault(paths.systemDisk);
    if (!(await isStopped(paths, env))) continue;
    looked += 1;
    if (fault !== undefined) faults.push(faultOf(paths, fault));
  }
  return { looked, faults };
}

// --- internal ---

/** A VM whose settings are wrong is passed over: that has a finding of its own. */
async function isStopped(paths: VmPaths, env: Environment): Promise<boolean> {
  try {
    const { state } = await statusOfVm(paths, env);
    return state === "stopped" || state === "failed";
  } catch (error) {
    if (isAboutSettings(error)) return false;
    throw error;
  }
}

function faultOf({ name, systemDisk }: VmPaths, fault: string): DiskFault {
  return {
    text: `The system disk of "${name}" is broken: ${fault}`,
    fix: `Run: rm ${systemDisk}, then qn up ${name}: it makes a new one; Docker's data are on another disk.`,
  };
}
