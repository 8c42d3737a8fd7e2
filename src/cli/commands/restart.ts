/** `qn restart`: down, then up. */
import { command, vmArg } from "../command.ts";

export const restart = command({
  name: "restart",
  description: "Stop a VM and start it again",
  examples: ["qn restart web"],
  args: { vm: vmArg, force: { type: "boolean", description: "End it at once, without asking the guest" } },
  async run({ args }) {
    const [{ takeDown }, { runUp }, { vmHere }] = await Promise.all([
      import("../../host/lifecycle/down.ts"),
      import("./up-run.ts"),
      import("../vm-here.ts"),
    ]);
    await takeDown(vmHere(args.vm).paths, { force: args.force === true });
    await runUp({ vm: args.vm, flags: {}, rawArgs: [], timeoutS: undefined, foreground: false, dryRun: false });
  },
});
