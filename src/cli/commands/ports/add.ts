/** `qn ports add`: a forward by hand to the guest itself. */
import { changeForwards } from "../../../host/lifecycle/forwards.ts";
import { parseForward, hostPortText } from "../../../host/ports/by-hand.ts";
import { defineCommand, vmArg } from "../../command.ts";
import { tellingOfNew } from "../../terminal/new-vm.ts";
import { succeed } from "../../terminal/show.ts";
import { vmNamed } from "../../vm-here.ts";

/** The forward, as `qn ports rm` has it too. */
export const forwardArg = {
  type: "positional",
  required: true,
  description: "[HOSTIP:]HOSTPORT[:GUESTPORT][/udp]",
} as const;

export const command = defineCommand({
  examples: ["qn ports add 127.0.0.1:5353:53/udp web"],
  args: { forward: forwardArg, vm: vmArg },
  async run({ args }) {
    const forward = parseForward(args.forward);
    const { paths } = vmNamed(args.vm);
    await tellingOfNew(paths, async () => {
      const isNow = (await changeForwards(paths, "add", forward)) === "now";
      const to = `to port ${forward.guestPort} of the guest of VM "${paths.name}"`;
      succeed(`${hostPortText(forward)} is forwarded ${isNow ? to : `${to} from its next start on`}.`);
    });
  },
});
