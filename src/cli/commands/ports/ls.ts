/** `qn ports ls`: which published ports listen on the host, for whom, and what went wrong. */
import { statusOfVm } from "../../../host/lifecycle/status.ts";
import { defineCommand, jsonArg, vmArg } from "../../command.ts";
import { forwardTable } from "../../terminal/ports-lines.ts";
import { printJson, printLines } from "../../terminal/print.ts";
import { vmNamed } from "../../vm-here.ts";

export const command = defineCommand({
  examples: ["qn ports ls web --watch"],
  args: {
    vm: vmArg,
    json: jsonArg,
    watch: { type: "boolean", alias: "w", description: "Go on until the VM stops; with --json an object a line" },
  },
  async run({ args }) {
    const { paths } = vmNamed(args.vm);
    if (args.watch === true) {
      const { followPorts } = await import("../../terminal/ports-screen.ts");
      return await followPorts(paths, args.json === true);
    }
    const { ports: forwards } = await statusOfVm(paths, process.env);
    if (args.json === true) return printJson("ports ls", forwards);
    if (forwards.length === 0) {
      const { say } = await import("../../terminal/show.ts");
      return say(`VM "${paths.name}" has no forwards.`);
    }
    printLines(forwardTable(forwards));
  },
});
