/** `qn doctor`: what on this machine stands in the way of a VM, and how to put it right. */
import { examine } from "../../host/doctor/checks.ts";
import { defineCommand, jsonArg } from "../command.ts";
import { printJson, printLines } from "../terminal/print.ts";
import { qnHome } from "../vm-here.ts";

/** The exit status when something keeps VMs from running; warnings alone are no reason. */
const broken = 2;

export const command = defineCommand({
  examples: ["qn doctor --json | jq '.[] | select(.level != \"good\")'"],
  args: { json: jsonArg },
  async run({ args }) {
    const findings = await examine({ layout: qnHome(), env: process.env, nowMs: Date.now() });
    if (findings.some(({ level }) => level === "failure")) process.exitCode = broken;
    if (args.json === true) return printJson(findings);
    const marks = { good: "ok", warning: "look", failure: "BAD" } as const;
    for (const { check, level, text, fix } of findings) {
      printLines([`${marks[level].padEnd(5)} ${check.padEnd(13)} ${text}`]);
      if (fix !== null) printLines([`${" ".repeat(20)}${fix}`]);
    }
  },
});
