/** Which container a word of the `qn container` commands means. */
import { QnError } from "../../../base/errors.ts";
import type { VmPaths } from "../../../host/layout.ts";
import { statusOfVm } from "../../../host/lifecycle/status.ts";
import { vmNamed } from "../../vm-here.ts";

/** The container, the same for every command about one. */
export const nameArg = { type: "positional", required: true, description: "The container, or VM/container" } as const;

/**
 * A container of a VM that runs: `site` of the VM "default", `web/site` of the VM "web". Throws as `runningVm` does.
 */
export async function containerNamed(text: string): Promise<{ readonly paths: VmPaths; readonly name: string }> {
  const [vm = "", name] = text.split("/", 2);
  return name === undefined ? { paths: await runningVm("default"), name: vm } : { paths: await runningVm(vm), name };
}

/** The paths of a VM that runs, or wakes up when it is used. Throws NO_SUCH_VM and NOT_RUNNING. */
export async function runningVm(vm: string): Promise<VmPaths> {
  const { paths } = vmNamed(vm);
  const { state } = await statusOfVm(paths, process.env);
  if (["running", "degraded", "asleep", "paused"].includes(state)) return paths;
  throw new QnError("NOT_RUNNING", `The VM "${paths.name}" is ${state}.`);
}
