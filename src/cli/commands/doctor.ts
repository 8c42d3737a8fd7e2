/** `qn doctor`: what on this machine stands in the way of a VM, and how to put it right. */
import { command, jsonArg } from "../command.ts";

/** The exit status when something keeps VMs from running; warnings alone are no reason. */
const broken = 2;

export const doctor = command({
  name: "doctor",
  description: "Find what keeps VMs from running, with a fix for each; the exit status is 2 when there is something",
  examples: ["qn doctor", "qn doctor --json | jq '.[] | select(.level != \"good\")'"],
  args: { json: jsonArg },
  async run({ args }) {
    const [{ examine }, { layoutHere }, { printJson }, { plain }] = await Promise.all([
      import("../../host/doctor/checks.ts"),
      import("../vm-here.ts"),
      import("../terminal/show.ts"),
      import("../terminal/table.ts"),
    ]);
    const findings = await examine({ layout: layoutHere(), env: process.env, nowMs: Date.now() });
    if (findings.some(({ level }) => level === "failure")) process.exitCode = broken;
    if (args.json === true) return printJson(findings);
    const marks = { good: "ok", warning: "look", failure: "BAD" } as const;
    for (const { check, level, text, fix } of findings) {
      process.stdout.write(`${marks[level].padEnd(5)} ${check.padEnd(13)} ${plain(text)}\n`);
      if (fix !== null) process.stdout.write(`${" ".repeat(20)}${plain(fix)}\n`);
    }
  },
});
