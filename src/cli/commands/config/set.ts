/** `qn config set`: changes settings; the first word names a VM when it has no `=`. */
import { changesIn } from "../../../host/config/change.ts";
import { defineCommand } from "../../command.ts";
import { tellingOfNew } from "../../terminal/new-vm.ts";
import { allArg, changeSettings, nothingNamed, settingsFile, splitWords } from "./changing.ts";

export const command = defineCommand({
  examples: ["qn config set web memoryMiB=8192"],
  words: true,
  args: { all: allArg },
  async run({ args }) {
    const { vm, rest } = splitWords(args._, args.all === true, (word) => !word.includes("="));
    if (rest.length === 0) throw nothingNamed("config set cpus=4");
    const file = settingsFile(vm);
    await tellingOfNew(file.paths, () => changeSettings(file, changesIn(rest)));
  },
});
