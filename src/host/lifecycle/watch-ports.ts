/** Follows the forwards of a VM that runs. */
import { errorOf, QnError } from "../../base/errors.ts";
import { isThere } from "../../system/files.ts";
import type { VmPaths } from "../layout.ts";
import { connectControl } from "../supervisor/control.ts";
import type { ForwardStatus } from "../supervisor/messages.ts";

/**
 * Calls `onPorts` with the forwards of now and whenever they change, until the VM has stopped or `signal` fires. Throws
 * NO_SUCH_VM, NOT_RUNNING when nobody serves it, SUPERVISOR_UNREACHABLE when its supervisor ends without a word, and
 * what the VM fails with.
 */
export async function watchPorts(
  paths: VmPaths,
  signal: AbortSignal,
  onPorts: (ports: readonly ForwardStatus[]) => void,
): Promise<void> {
  if (!(await isThere(paths.folder))) throw new QnError("NO_SUCH_VM", `There is no VM "${paths.name}".`);
  const control = await connectControl(paths.controlSocket);
  if (control === undefined) throw new QnError("NOT_RUNNING", `The VM "${paths.name}" does not run.`);
  const leave = (): void => control.close();
  signal.addEventListener("abort", leave, { once: true });
  try {
    control.ask({ ask: "ports" });
    for (;;) {
      const event = await control.next();
      if (event.event === "ports") onPorts(event.ports);
      if (event.event === "failed") throw errorOf(event.error);
      if (event.event === "stopped") return;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", leave);
    control.close();
  }
}
