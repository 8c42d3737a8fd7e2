/** `qn disk add`: one more disk for a VM. */
import { addDisk } from "../../../host/lifecycle/disks.ts";
import { folderOf } from "../../../protocol/disks.ts";
import { amount, defineCommand, vmArg } from "../../command.ts";
import { tellingOfNew } from "../../terminal/new-vm.ts";
import { say, succeed } from "../../terminal/show.ts";
import { vmNamed } from "../../vm-here.ts";
import { sayWhen } from "../config/changing.ts";

export const command = defineCommand({
  examples: ["qn disk add cache 100 web"],
  args: {
    name: { type: "positional", required: true, description: "Its name" },
    size: { type: "positional", required: true, description: "Its size, such as 20G; a bare number is GiB" },
    vm: vmArg,
  },
  async run({ args }) {
    const { paths } = vmNamed(args.vm);
    await tellingOfNew(paths, async () => {
      const isKept = await addDisk(paths, process.env, args.name, amount("SIZE", "GiB", args.size) ?? 0);
      succeed(`The VM "${paths.name}" has a disk "${args.name}": ${folderOf(args.name)} in its guest.`);
      if (isKept) say("  It has what was left of the disk of that name.");
      await sayWhen(paths, ["volumes"]);
    });
  },
});
