/** `qn doctor`: what on this machine stands in the way of a VM, and how to put it right. */
import { examine } from "../../host/doctor/checks.ts";
import { defineCommand, jsonArg } from "../command.ts";
import { statuses } from "../statuses.ts";
import { doctorLines } from "../terminal/doctor-lines.ts";
import { printJson, printLines } from "../terminal/print.ts";
import { qnHome } from "../vm-here.ts";

export const command = defineCommand({
  examples: ["qn doctor --json | jq '.[] | select(.level != \"ok\")'"],
  args: { json: jsonArg },
  async run({ args }) {
    const findings = await examine({ layout: qnHome(), env: process.env, nowMs: Date.now() });
    // Warnings alone are no reason.
    if (findings.some(({ level }) => level === "fail")) process.exitCode = statuses.problem;
    if (args.json === true) return printJson("doctor", findings);
    printLines(doctorLines(findings, process.stdout.isTTY ? process.stdout.columns : undefined));
  },
});
