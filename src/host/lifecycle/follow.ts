/** Follows a VM that runs until it has stopped. */
import { errorOf } from "../../base/errors.ts";
import type { VmPaths } from "../layout.ts";
import { connectControl, eventsOf } from "../supervisor/control.ts";

/** Resolves when the VM has stopped. Throws what it failed with. */
export async function followToEnd(paths: VmPaths): Promise<void> {
  const control = await connectControl(paths.controlSocket);
  if (control === undefined) return;
  for await (const event of eventsOf(control, { ask: "follow" })) {
    if (event.event === "failed") throw errorOf(event.error);
  }
}
