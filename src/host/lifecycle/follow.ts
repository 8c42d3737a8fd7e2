/** Follows a VM that runs until it has stopped. */
import { errorOf, QnError } from "../../base/errors.ts";
import type { VmPaths } from "../layout.ts";
import { connectControl } from "../supervisor/control.ts";

/** Resolves when the VM has stopped. Throws what it failed with. */
export async function followToEnd(paths: VmPaths): Promise<void> {
  const control = await connectControl(paths.controlSocket);
  if (control === undefined) return;
  try {
    control.ask({ ask: "follow" });
    for (;;) {
      const event = await control.next();
      if (event.event === "failed") throw errorOf(event.error);
    }
  } catch (error) {
    if (error instanceof QnError && error.code === "SUPERVISOR_UNREACHABLE") return;
    throw error;
  }
}
