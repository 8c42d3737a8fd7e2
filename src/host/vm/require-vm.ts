/** Whether there is a VM of a name: the one place that throws NO_SUCH_VM. */
import { QnError } from "../../base/errors.ts";
import { isThere } from "../../system/files.ts";
import type { VmPaths } from "../layout.ts";

/**
 * Passes when the VM has its folder. Throws NO_SUCH_VM when it has none; `hint` is for who knows better than `qn ls`
 * what to do.
 */
export async function requireVm({ name, folder }: VmPaths, hint?: string): Promise<void> {
  if (await isThere(folder)) return;
  throw new QnError("NO_SUCH_VM", `There is no VM "${name}".`, hint === undefined ? {} : { hint });
}
