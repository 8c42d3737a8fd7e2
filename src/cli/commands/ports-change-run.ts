/** What `qn ports add` and `qn ports remove` do once their words are read. */
import { changeForwards } from "../../host/lifecycle/forwards.ts";
import { type ForwardChange, parseForward, placeText } from "../../host/ports/by-hand.ts";
import { vmHere } from "../vm-here.ts";
import { succeed } from "../terminal/show.ts";

/** Changes a VM's forwards by hand and says so. Throws USAGE, and what changeForwards throws. */
export async function changePorts(change: ForwardChange, text: string, vm: string): Promise<void> {
  const forward = parseForward(text);
  const { paths } = vmHere(vm);
  await changeForwards(paths, change, forward);
  const place = placeText(forward);
  if (change === "remove") return succeed(`${place} is not forwarded any more.`);
  succeed(`${place} is forwarded to port ${forward.guestPort} of the guest of VM "${paths.name}".`);
}
