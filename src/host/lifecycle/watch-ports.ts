/** Follows the forwards of a VM that runs. */
import { errorOf } from "../../base/errors.ts";
import type { VmPaths } from "../layout.ts";
import type { ForwardStatus } from "../supervisor/messages.ts";
import { watchEvents } from "./watch-events.ts";

/**
 * Calls `onPorts` with the forwards of now and whenever they change, until the VM has stopped or `signal` fires. Throws
 * what watchEvents throws, and what the VM fails with.
 */
export async function watchPorts(
  paths: VmPaths,
  signal: AbortSignal,
  onPorts: (ports: readonly ForwardStatus[]) => void,
): Promise<void> {
  await watchEvents(paths, "ports", signal, (event) => {
    if (event.event === "ports") onPorts(event.ports);
    if (event.event === "failed") throw errorOf(event.error);
  });
}
