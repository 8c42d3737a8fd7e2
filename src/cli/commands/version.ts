/** `qn version`: which qn this is, and how it was made. */
import { defineCommand, jsonArg } from "../command.ts";
import { printJson, printWords } from "../terminal/print.ts";
import { ownBuild, version, versionLine } from "../version.ts";

export const command = defineCommand({
  args: { json: jsonArg },
  async run({ args }) {
    const build = ownBuild();
    if (args.json === true) printJson("version", { version, ...build });
    else printWords([versionLine(build)]);
  },
});
