/** `qn ls`: every VM and what it does. */
import { command, jsonArg } from "./command.ts";

export const ls = command({
  name: "ls",
  description: "List the VMs",
  args: { json: jsonArg },
  async run({ args }) {
    const [{ statusOfVm, vmNames }, { layoutHere }, { reportOf }] = await Promise.all([
      import("../host/lifecycle/status.ts"),
      import("./place.ts"),
      import("../base/errors.ts"),
    ]);
    const layout = layoutHere();
    const names = await vmNames(layout);
    const rows = await Promise.all(
      names.map(async (name) => {
        try {
          const { state, reason, arch, cpus, memoryMiB, image } = await statusOfVm(layout.vm(name), process.env);
          return { name, state, reason, arch, cpus, memoryMiB, image };
        } catch (error) {
          // One broken VM must not hide the others.
          return { name, state: "failed", reason: reportOf(error).message };
        }
      }),
    );
    if (args.json === true) return void process.stdout.write(`${JSON.stringify(rows, undefined, 2)}\n`);
    const { printTable, say } = await import("./show.ts");
    if (rows.length === 0) return say("There are no VMs; `qn up` makes one.");
    printTable(
      ["NAME", "STATE", "ARCH", "CPUS", "MEMORY", "IMAGE"],
      rows.map((row) =>
        "arch" in row
          ? [row.name, row.state, row.arch ?? "", `${row.cpus}`, `${row.memoryMiB} MiB`, row.image ?? ""]
          : [row.name, row.state, row.reason ?? ""],
      ),
    );
  },
});
