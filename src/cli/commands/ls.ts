/** `qn ls`: every VM and what it does. */
import { type ErrorReport, reportOf } from "../../base/errors.ts";
import { summariesOf, vmNames } from "../../host/lifecycle/status.ts";
import { defineCommand, jsonArg } from "../command.ts";
import type { VmRow } from "../json-outputs.ts";
import { printJson, printTable } from "../terminal/print.ts";
import { qnHome } from "../vm-here.ts";

/** How long one supervisor may keep the list waiting; `qn status` waits longer. */
const patienceMs = 60;

export const command = defineCommand({
  args: { json: jsonArg },
  async run({ args }) {
    const layout = qnHome();
    const names = await vmNames(layout);
    const summaryOf = summariesOf(layout, process.env, patienceMs);
    const rows = await Promise.all(
      names.map(async (name): Promise<VmRow> => {
        const paths = layout.vm(name);
        const docker = { socket: paths.dockerSocket };
        try {
          return { name, ...(await summaryOf(paths)), docker };
        } catch (error) {
          // One broken VM must not hide the others.
          return { ...unknown, name, reason: whatIsWrong(reportOf(error)), docker };
        }
      }),
    );
    if (args.json === true) return printJson("ls", rows);
    if (rows.length === 0) {
      const { say } = await import("../terminal/show.ts");
      return say("There are no VMs; `qn up` makes one.");
    }
    printTable(
      ["NAME", "STATE", "ARCH", "CPUS", "MEMORY", "IMAGE", "SNAPSHOTS", ""],
      rows.map((row) => [
        row.name,
        row.state,
        row.arch ?? "",
        row.cpus === null ? "" : `${row.cpus}`,
        row.memoryMiB === null ? "" : `${row.memoryMiB} MiB`,
        row.image ?? "",
        row.snapshots.join(", "),
        row.reason ?? "",
      ]),
    );
  },
});

// --- internal ---

const unknown = { state: "failed", arch: null, cpus: null, memoryMiB: null, image: null, snapshots: [] } as const;

function whatIsWrong({ message, details = [] }: ErrorReport): string {
  return [message, ...details].join(" ");
}
