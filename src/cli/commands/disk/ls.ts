/** `qn disk ls`: the data disk and the further ones, their sizes, what they take, and where the guest has them. */
import { byteSize } from "../../../base/words.ts";
import { listDisks } from "../../../host/lifecycle/disks.ts";
import { defineCommand, jsonArg, vmArg } from "../../command.ts";
import { printJson, printTable } from "../../terminal/print.ts";
import { vmNamed } from "../../vm-here.ts";

export const command = defineCommand({
  args: { vm: vmArg, json: jsonArg },
  async run({ args }) {
    const disks = await listDisks(vmNamed(args.vm).paths, process.env);
    if (args.json === true) return printJson("disk ls", disks);
    printTable(
      ["DISK", "SIZE", "TAKES", "STATE", "IN THE GUEST"],
      disks.map(({ name, sizeBytes, usedBytes, state, folder }) => [
        name,
        byteSize(sizeBytes),
        byteSize(usedBytes),
        state,
        state === "kept" ? "" : folder,
      ]),
    );
  },
});
