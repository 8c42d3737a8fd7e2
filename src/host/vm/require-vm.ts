/** Whether there is a VM of a name: the one place that throws NO_SUCH_VM. */
import { readdirSync } from "node:fs";
import { QnError } from "../../base/errors.ts";
import { isErrno, isThere } from "../../system/files.ts";
import type { VmPaths } from "../layout.ts";
import { settleUnfinished } from "./unfinished.ts";

/**
 * Passes when the VM has its folder, once it is taken back what killed commands have left unfinished: half a name, or
 * half a copy. Throws NO_SUCH_VM when it has none; `hint` is for who knows better than `qn ls` what to do.
 */
export async function requireVm(paths: VmPaths, hint?: string): Promise<void> {
  await settleUnfinished(paths);
  if (!(await isThere(paths.folder))) throw noSuchVm(paths.name, hint);
}

/** The names of what is in the VM's folder, all looked at at once. Throws NO_SUCH_VM when it has none. */
export function filesOfVm({ name, folder }: VmPaths): ReadonlySet<string> {
  try {
    return new Set(readdirSync(folder));
  } catch (error) {
    throw isErrno(error, "ENOENT") ? noSuchVm(name) : error;
  }
}

// --- internal ---

function noSuchVm(name: string, hint?: string): QnError {
  return new QnError("NO_SUCH_VM", `There is no VM "${name}".`, hint === undefined ? {} : { hint });
}
