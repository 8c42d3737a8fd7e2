/** Follows what happens to a VM that runs. */
import { QnError } from "../../base/errors.ts";
import type { VmPaths } from "../layout.ts";
import { connectControl, eventsOf, endedWithoutWord } from "../supervisor/control.ts";
import type { ControlEvent, Request } from "../supervisor/messages.ts";
import { requireVm } from "../vm/require-vm.ts";

/**
 * Asks for events and calls `onEvent` with each, beginning with what holds now, until the VM has stopped or failed, or
 * `signal` fires. Throws NO_SUCH_VM, NOT_RUNNING when nobody serves it, SUPERVISOR_UNREACHABLE when its supervisor ends
 * without a word, and what `onEvent` throws.
 */
export async function watchEvents(
  paths: VmPaths,
  ask: Extract<Request["ask"], "events" | "ports">,
  signal: AbortSignal,
  onEvent: (event: ControlEvent) => void,
): Promise<void> {
  await requireVm(paths);
  const control = await connectControl(paths.controlSocket);
  if (control === undefined) throw new QnError("NOT_RUNNING", `The VM "${paths.name}" does not run.`);
  const leave = (): void => control.close();
  signal.addEventListener("abort", leave, { once: true });
  try {
    for await (const event of eventsOf(control, { ask })) {
      onEvent(event);
      if (event.event === "failed" || event.event === "stopped") return;
    }
    if (!signal.aborted) throw endedWithoutWord();
  } finally {
    signal.removeEventListener("abort", leave);
  }
}
