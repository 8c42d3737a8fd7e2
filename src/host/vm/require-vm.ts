/** Whether there is a VM of a name, for whoever is going to work on it. */
import { isThere } from "../../system/files.ts";
import type { VmPaths } from "../layout.ts";
import { noSuchVm } from "./files-of-vm.ts";
import { settleUnfinished } from "./unfinished.ts";

/**
 * Passes when the VM has its folder, once it is taken back what killed commands have left unfinished: half a name, or
 * half a copy. Throws NO_SUCH_VM when it has none, with `hint` if there is one.
 */
export async function requireVm(paths: VmPaths, hint?: string): Promise<void> {
  await settleUnfinished(paths);
  if (!(await isThere(paths.folder))) throw noSuchVm(paths.name, hint);
}
