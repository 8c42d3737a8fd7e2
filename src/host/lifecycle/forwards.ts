/** Makes and removes forwards by hand, on a VM that runs and on one that does not. */
import { errorOf } from "../../base/errors.ts";
import type { VmPaths } from "../layout.ts";
import { changed, type ForwardChange, type HandForward } from "../ports/by-hand.ts";
import { readForwards, writeForwards } from "../ports/hand-list.ts";
import { connectControl, eventsOf, endedWithoutWord } from "../supervisor/control.ts";
import { makeFolder } from "../vm/folder-version.ts";
import { requireVm } from "../vm/require-vm.ts";
import { settleUnfinished } from "../vm/unfinished.ts";

/**
 * Does it at once when the VM runs, and keeps it for its next starts, also for the first of a VM that is not there yet;
 * gives from when on it counts. Throws PORT_TAKEN with whoever has the port, NO_SUCH_VM and NO_SUCH_FORWARD for what
 * cannot be removed, or what the supervisor says.
 */
export async function changeForwards(
  paths: VmPaths,
  change: ForwardChange,
  forward: HandForward,
): Promise<"now" | "at the next start"> {
  await (change === "add" ? settleUnfinished(paths) : requireVm(paths));
  const control = await connectControl(paths.controlSocket);
  if (control === undefined) {
    await changeList(paths, change, forward);
    return "at the next start";
  }
  for await (const answer of eventsOf(control, { ask: "forward", change, forward })) {
    if (answer.event === "forwarded") return "now";
    if (answer.event === "refused") throw errorOf(answer.error);
  }
  throw endedWithoutWord();
}

// --- internal ---

/** Changes what is kept. Throws as `changeForwards` does. */
async function changeList(paths: VmPaths, change: ForwardChange, forward: HandForward): Promise<void> {
  const forwards = changed(await readForwards(paths.forwards), change, forward);
  await makeFolder(paths);
  await writeForwards(paths.forwards, forwards);
}
