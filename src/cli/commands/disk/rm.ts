/** `qn disk rm`: takes a disk away from a VM. */
import { removeDisk } from "../../../host/lifecycle/disks.ts";
import { defineCommand, vmArg } from "../../command.ts";
import { say, succeed } from "../../terminal/show.ts";
import { vmNamed } from "../../vm-here.ts";
import { sayWhen } from "../config/changing.ts";

export const command = defineCommand({
  examples: ["qn disk rm db --data"],
  args: {
    name: { type: "positional", required: true, description: "Its name" },
    vm: vmArg,
    data: { type: "boolean", description: "Delete what is on it, too" },
  },
  async run({ args }) {
    const { paths } = vmNamed(args.vm);
    const { keptFile } = await removeDisk(paths, process.env, args.name, { data: args.data === true });
    succeed(`The VM "${paths.name}" has no disk "${args.name}" any more.`);
    if (keptFile !== undefined) {
      say(`  Its data stays in ${keptFile}; \`qn disk add\` uses it again, \`qn disk rm --data\` deletes it.`);
    }
    await sayWhen(paths, ["volumes"]);
  },
});
