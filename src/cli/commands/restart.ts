/** `qn restart`: down, then up. */
import { takeDown } from "../../host/lifecycle/down.ts";
import { defineCommand, vmArg } from "../command.ts";
import { vmNamed } from "../vm-here.ts";
import { startVm } from "./up.ts";

export const command = defineCommand({
  args: { vm: vmArg, force: { type: "boolean", alias: "f", description: "Kill it at once, like pulling the plug" } },
  async run({ args }) {
    await takeDown(vmNamed(args.vm).paths, { force: args.force === true });
    await startVm({
      vm: args.vm,
      flags: {},
      rawArgs: [],
      timeoutS: undefined,
      foreground: false,
      json: false,
      dryRun: false,
    });
  },
});
