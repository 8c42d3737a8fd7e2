/** What is in a VM's folder, which tells lists whether there is a VM, and the one place that makes NO_SUCH_VM. */
import { readdirSync } from "node:fs";
import { QnError } from "../../base/errors.ts";
import { isErrno } from "../../system/errno.ts";
import type { VmPaths } from "../layout.ts";

/** The names of what is in the VM's folder, all looked at at once. Throws NO_SUCH_VM when it has none. */
export function filesOfVm({ name, folder }: VmPaths): ReadonlySet<string> {
  try {
    return new Set(readdirSync(folder));
  } catch (error) {
    throw isErrno(error, "ENOENT") ? noSuchVm(name) : error;
  }
}

/** What a command says whose VM is not there; `hint` is for who knows better than `qn ls` what to do. */
export function noSuchVm(name: string, hint?: string): QnError {
  return new QnError("NO_SUCH_VM", `There is no VM "${name}".`, hint === undefined ? {} : { hint });
}
