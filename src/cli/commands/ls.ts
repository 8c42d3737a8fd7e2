/** `qn ls`: every VM and what it does. */
import { type ErrorReport, reportOf } from "../../base/errors.ts";
import { summaryOfVm, vmNames } from "../../host/lifecycle/status.ts";
import { defineCommand, jsonArg } from "../command.ts";
import { printJson, printTable } from "../terminal/print.ts";
import { qnHome } from "../vm-here.ts";

/** How long one supervisor may keep the list waiting; `qn status` waits longer. */
const patienceMs = 60;

export const command = defineCommand({
  args: { json: jsonArg },
  async run({ args }) {
    const layout = qnHome();
    const names = await vmNames(layout);
    const rows = await Promise.all(
      names.map(async (name) => {
        try {
          return { name, ...(await summaryOfVm(layout.vm(name), process.env, patienceMs)) };
        } catch (error) {
          // One broken VM must not hide the others.
          return { name, state: "failed", reason: whatIsWrong(reportOf(error)) };
        }
      }),
    );
    if (args.json === true) return printJson(rows);
    if (rows.length === 0) {
      const { say } = await import("../terminal/show.ts");
      return say("There are no VMs; `qn up` makes one.");
    }
    printTable(
      ["NAME", "STATE", "ARCH", "CPUS", "MEMORY", "IMAGE", "SNAPSHOTS", ""],
      rows.map((row) => [
        row.name,
        row.state,
        ...("arch" in row
          ? [row.arch ?? "", `${row.cpus}`, `${row.memoryMiB} MiB`, row.image ?? "", row.snapshots.join(", ")]
          : ["", "", "", "", ""]),
        row.reason ?? "",
      ]),
    );
  },
});

// --- internal ---

function whatIsWrong({ message, details = [] }: ErrorReport): string {
  return [message, ...details].join(" ");
}
