/** `qn ports rm`: takes away a forward that was made by hand. */
import { changeForwards } from "../../../host/lifecycle/forwards.ts";
import { parseForward, hostPortText } from "../../../host/ports/by-hand.ts";
import { defineCommand, vmArg } from "../../command.ts";
import { succeed } from "../../terminal/show.ts";
import { vmNamed } from "../../vm-here.ts";
import { forwardArg } from "./add.ts";

export const command = defineCommand({
  args: { forward: forwardArg, vm: vmArg },
  async run({ args }) {
    const forward = parseForward(args.forward);
    await changeForwards(vmNamed(args.vm).paths, "remove", forward);
    succeed(`${hostPortText(forward)} is not forwarded any more.`);
  },
});
