/** `qn config path`: where the settings of a VM are, or those of all. */
import { defineCommand, vmArg } from "../../command.ts";
import { printLines } from "../../terminal/print.ts";
import { vmNamed } from "../../vm-here.ts";
import { allArg } from "./changing.ts";

export const command = defineCommand({
  args: { vm: vmArg, all: allArg },
  async run({ args }) {
    const { paths } = vmNamed(args.vm);
    printLines([args.all === true ? paths.commonConfig : paths.config]);
  },
});
