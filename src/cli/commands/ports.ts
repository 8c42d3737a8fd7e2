/** `qn ports`: which published ports listen on the host, for whom, and what went wrong. */
import { defineCommand } from "citty";
import { command, jsonArg, vmArg } from "../command.ts";
import { add, remove } from "./ports-change.ts";

const show = command({
  name: "ports",
  description: "Show the forwarded ports",
  examples: ["qn ports show", "qn ports show web --watch"],
  args: {
    vm: vmArg,
    json: jsonArg,
    watch: { type: "boolean", alias: "w", description: "Go on until the VM stops; with --json an object a line" },
  },
  async run({ args }) {
    const [{ statusOfVm }, { vmHere }] = await Promise.all([
      import("../../host/lifecycle/status.ts"),
      import("../vm-here.ts"),
    ]);
    const { paths } = vmHere(args.vm);
    if (args.watch === true) {
      const { followPorts } = await import("./ports-watch.ts");
      return await followPorts(paths, args.json === true);
    }
    const { ports: forwards } = await statusOfVm(paths, process.env);
    if (args.json === true) return void process.stdout.write(`${JSON.stringify(forwards, undefined, 2)}\n`);
    const [{ say }, { forwardTable }] = await Promise.all([
      import("../terminal/show.ts"),
      import("../terminal/ports-lines.ts"),
    ]);
    if (forwards.length === 0) return say(`VM "${paths.name}" has no forwards.`);
    process.stdout.write(`${forwardTable(forwards).join("\n")}\n`);
  },
});

export const ports = defineCommand({
  meta: { name: "ports", description: "Show the forwarded ports, or change those that were made by hand" },
  subCommands: { show, add, remove },
  default: "show",
});
