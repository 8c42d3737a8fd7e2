/** `qn status`: what a VM does now; exit status 3 when it does not run, as systemctl does. */
import { statusOfVm } from "../../host/lifecycle/status.ts";
import { defineCommand, jsonArg, vmArg } from "../command.ts";
import { statuses } from "../statuses.ts";
import { printJson, printLines } from "../terminal/print.ts";
import { statusLines } from "../terminal/status-lines.ts";
import { vmNamed } from "../vm-here.ts";

export const command = defineCommand({
  examples: ["qn status web --json | jq -r .state"],
  args: { vm: vmArg, json: jsonArg },
  async run({ args }) {
    const status = await statusOfVm(vmNamed(args.vm).paths, process.env);
    // One that is asleep or paused serves whoever comes.
    if (!["running", "degraded", "asleep", "paused"].includes(status.state)) process.exitCode = statuses.notRunning;
    if (args.json === true) return printJson("status", status);
    printLines(statusLines(status));
  },
});
