/** `qn report`: one file with all that a bug report needs, and nothing secret. */
import { resolve } from "node:path";
import { packReport } from "../../host/doctor/report.ts";
import { noSuchVm } from "../../host/vm/files-of-vm.ts";
import { isThere } from "../../system/files.ts";
import { defineCommand, vmArg } from "../command.ts";
import { say, succeed } from "../terminal/show.ts";
import { version } from "../version.ts";
import { vmNamed } from "../vm-here.ts";

export const command = defineCommand({
  examples: ["qn report web --output /tmp/web.tar.gz --keep-names"],
  args: {
    vm: vmArg,
    output: {
      type: "string",
      alias: "o",
      description: "The file to write; a new one in the current folder unless given",
      valueHint: "FILE",
    },
    "keep-names": { type: "boolean", description: "Leave the names of home folder, user and host in it" },
  },
  async run({ args }) {
    const { layout, paths } = vmNamed(args.vm);
    // Who has not come to a first VM reports that by the name that nobody types; any other is mistyped.
    if (args.vm !== "default" && !(await isThere(paths.folder))) throw noSuchVm(args.vm);
    const nowMs = Date.now();
    const stamp = new Date(nowMs).toISOString().replaceAll(/[-:]|\..*/g, "");
    const output = resolve(args.output ?? `qn-report-${args.vm}-${stamp}.tar.gz`);
    const keepNames = args["keep-names"] === true;
    const files = await packReport({ layout, paths, env: process.env, version, output, keepNames, nowMs });
    succeed(`${output} holds ${files.join(", ")}.`);
    say("  Look through it before you pass it on: what programs wrote into the logs is theirs.");
  },
});
