/** `qn status`: what a VM does now; exit status 3 when it does not run, as systemctl does. */
import { command, jsonArg, vmArg } from "../command.ts";

/** The exit status of "not running" (systemctl(1), LSB). */
const notRunning = 3;

export const status = command({
  name: "status",
  description: "Show what a VM does",
  examples: ["qn status", "qn status web --json | jq -r .state"],
  args: { vm: vmArg, json: jsonArg },
  async run({ args }) {
    const [{ statusOfVm }, { vmHere }] = await Promise.all([
      import("../../host/lifecycle/status.ts"),
      import("../vm-here.ts"),
    ]);
    const status = await statusOfVm(vmHere(args.vm).paths, process.env);
    if (status.state !== "running" && status.state !== "degraded") process.exitCode = notRunning;
    if (args.json === true) {
      process.stdout.write(`${JSON.stringify(status, undefined, 2)}\n`);
      return;
    }
    const { statusLines } = await import("../terminal/status-lines.ts");
    process.stdout.write(`${statusLines(status).join("\n")}\n`);
  },
});
