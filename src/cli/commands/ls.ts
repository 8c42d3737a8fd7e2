/** `qn ls`: every VM and what it does. */
import type { ErrorReport } from "../../base/errors.ts";
import { command, jsonArg } from "../command.ts";

/** How long one supervisor may keep the list waiting; `qn status` waits longer. */
const patienceMs = 60;

export const ls = command({
  name: "ls",
  description: "List the VMs",
  examples: ["qn ls --json"],
  args: { json: jsonArg },
  async run({ args }) {
    const [{ statusOfVm, vmNames }, { layoutHere }, { reportOf }] = await Promise.all([
      import("../../host/lifecycle/status.ts"),
      import("../vm-here.ts"),
      import("../../base/errors.ts"),
    ]);
    const layout = layoutHere();
    const names = await vmNames(layout);
    const rows = await Promise.all(
      names.map(async (name) => {
        try {
          const { state, reason, arch, cpus, memoryMiB, image } = await statusOfVm(
            layout.vm(name),
            process.env,
            patienceMs,
          );
          return { name, state, reason, arch, cpus, memoryMiB, image };
        } catch (error) {
          // One broken VM must not hide the others.
          return { name, state: "failed", reason: whatIsWrong(reportOf(error)) };
        }
      }),
    );
    if (args.json === true) return void process.stdout.write(`${JSON.stringify(rows, undefined, 2)}\n`);
    const { printTable, say } = await import("../terminal/show.ts");
    if (rows.length === 0) return say("There are no VMs; `qn up` makes one.");
    printTable(
      ["NAME", "STATE", "ARCH", "CPUS", "MEMORY", "IMAGE", ""],
      rows.map((row) => [
        row.name,
        row.state,
        ...("arch" in row
          ? [row.arch ?? "", `${row.cpus}`, `${row.memoryMiB} MiB`, row.image ?? ""]
          : ["", "", "", ""]),
        row.reason ?? "",
      ]),
    );
  },
});

// --- internal ---

function whatIsWrong({ message, details = [] }: ErrorReport): string {
  return [message, ...details].join(" ");
}
