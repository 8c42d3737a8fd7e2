/** `qn down`: shuts the VM down cleanly, then by force. */
import { takeDown } from "../../host/lifecycle/down.ts";
import { isThere } from "../../system/files.ts";
import { defineCommand, ifExistsArg, vmArg } from "../command.ts";
import { say, succeed } from "../terminal/show.ts";
import { vmNamed } from "../vm-here.ts";

export const command = defineCommand({
  examples: ["qn down web --force"],
  args: {
    vm: vmArg,
    force: { type: "boolean", alias: "f", description: "Kill it at once, like pulling the plug" },
    "if-exists": ifExistsArg,
  },
  async run({ args }) {
    const { paths } = vmNamed(args.vm);
    if (args["if-exists"] === true && !(await isThere(paths.folder)))
      return say(`Nothing to do: "${paths.name}" is no VM.`);
    const result = await takeDown(paths, { force: args.force === true });
    if (result === "already-stopped") say(`VM "${paths.name}" is already stopped.`);
    else if (result === "stopped") succeed(`VM "${paths.name}" has shut down.`);
    else succeed(`VM "${paths.name}" was ended by force.`);
  },
});
