/** `qn config path`: where the settings of a VM are, or those of all. */
import { defineCommand, vmArg } from "../../command.ts";
import { printWords } from "../../terminal/print.ts";
import { allArg, settingsFileThere } from "./changing.ts";

export const command = defineCommand({
  args: { vm: vmArg, all: allArg },
  async run({ args }) {
    printWords([(await settingsFileThere(args.all === true ? undefined : args.vm)).file]);
  },
});
