/** `qn down`: shuts the VM down cleanly, then by force. */
import { command, vmArg } from "../command.ts";

export const down = command({
  name: "down",
  description: "Stop a VM",
  examples: ["qn down", "qn down web --force"],
  args: { vm: vmArg, force: { type: "boolean", description: "End it at once, without asking the guest" } },
  async run({ args }) {
    const [{ takeDown }, { vmHere }, { say, succeed }] = await Promise.all([
      import("../../host/lifecycle/down.ts"),
      import("../vm-here.ts"),
      import("../terminal/show.ts"),
    ]);
    const { paths } = vmHere(args.vm);
    const result = await takeDown(paths, { force: args.force === true });
    if (result === "already-stopped") say(`VM "${paths.name}" is already stopped.`);
    else if (result === "stopped") succeed(`VM "${paths.name}" has shut down.`);
    else succeed(`VM "${paths.name}" was ended by force.`);
  },
});
