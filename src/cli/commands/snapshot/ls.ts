/** `qn snapshot ls`: the snapshots of a VM. */
import { byteSize } from "../../../base/words.ts";
import { bytesTaken, listSnapshots } from "../../../host/snapshot/folder.ts";
import { requireVm } from "../../../host/vm/require-vm.ts";
import { defineCommand, jsonArg, vmArg } from "../../command.ts";
import { printJson, printTable } from "../../terminal/print.ts";
import { say } from "../../terminal/show.ts";
import { vmNamed } from "../../vm-here.ts";

export const command = defineCommand({
  args: { vm: vmArg, json: jsonArg },
  async run({ args }) {
    const { paths } = vmNamed(args.vm);
    await requireVm(paths);
    const rows = await Promise.all(
      (await listSnapshots(paths)).map(async (snapshot) => ({
        name: snapshot.name,
        createdAt: new Date(snapshot.manifest.madeAtMs).toISOString(),
        image: snapshot.manifest.image ?? null,
        usedBytes: await bytesTaken(paths, snapshot),
      })),
    );
    if (args.json === true) return printJson("snapshot ls", rows);
    if (rows.length === 0)
      return say(`There are no snapshots of VM "${paths.name}"; \`qn snapshot create\` makes one.`);
    printTable(
      ["NAME", "MADE", "HOLDS"],
      rows.map(({ name, createdAt, usedBytes }) => [
        name,
        `${createdAt.slice(0, 16).replace("T", " ")} UTC`,
        byteSize(usedBytes),
      ]),
    );
  },
});
