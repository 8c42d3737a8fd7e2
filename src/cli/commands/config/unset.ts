/** `qn config unset`: takes settings out; the first of several words names a VM when there is no such setting. */
import { isSettingName, leafAt } from "../../../host/config/load.ts";
import { defineCommand } from "../../command.ts";
import { allArg, changeSettings, nothingNamed, settingsFileThere, splitWords } from "./changing.ts";

export const command = defineCommand({
  words: true,
  args: { all: allArg },
  async run({ args }) {
    const isName = (word: string): boolean => args._.length > 1 && !isSettingName(word);
    const { vm, rest } = splitWords(args._, args.all === true, isName);
    if (rest.length === 0) throw nothingNamed("config unset cpus");
    await changeSettings(await settingsFileThere(vm), new Map(rest.map((path) => [leafAt(path).path, undefined])));
  },
});
