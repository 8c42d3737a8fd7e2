/** A supervisor under a service manager (systemd, launchd): runs the VM, or stands by while another one does. */
import { errorOf, QnError } from "../../base/errors.ts";
import { pause } from "../../system/clock.ts";
import { requireVm } from "../vm/require-vm.ts";
import { connectControl, eventsOf } from "./control.ts";
import type { SuperviseOptions } from "./options.ts";
import { supervise } from "./run.ts";

/** How long a supervisor that holds the VM and does not answer yet is left alone before the next look. */
const lookAgainMs = 500;

/**
 * Runs the VM until it has stopped, as `supervise` does. When another supervisor has it, `qn up` was given by hand:
 * then this one waits, and takes over should the other die. Resolves when the VM was stopped; throws NO_SUCH_VM when
 * there is none, and what it failed with. A VM that is found asleep sleeps on.
 */
export async function serveVm(options: SuperviseOptions): Promise<void> {
  await requireVm(options.paths);
  for (;;) {
    try {
      return await supervise({ ...options, leavesAsleep: true });
    } catch (error) {
      if (!(error instanceof QnError) || error.code !== "VM_BUSY") throw error;
    }
    options.onListening();
    if ((await standBy(options)) === "stopped") return;
    await pause(lookAgainMs, options.signal);
    if (options.signal.aborted) return;
  }
}

// --- internal ---

/** Follows the other supervisor to its end: "stopped" when that was wanted, "gone" when it ended without a word. */
async function standBy({ paths, signal }: SuperviseOptions): Promise<"stopped" | "gone"> {
  const control = await connectControl(paths.controlSocket);
  if (control === undefined) return "gone";
  // Who stops the service means the VM.
  const stop = (): void => control.ask({ ask: "stop", force: false });
  signal.addEventListener("abort", stop, { once: true });
  let result: "stopped" | "gone" = "gone";
  try {
    if (signal.aborted) stop();
    for await (const event of eventsOf(control, { ask: "follow" })) {
      if (event.event === "stopped") result = "stopped";
      if (event.event === "failed") throw errorOf(event.error);
    }
    return result;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
