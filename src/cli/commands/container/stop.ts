/** `qn container stop`: stops one; fine when it is so already. */
import { inContainers } from "../../../host/nixos/machines/machines-script.ts";
import { defineCommand } from "../../command.ts";
import { succeed } from "../../terminal/show.ts";
import { containerNamed, nameArg } from "./named.ts";

export const command = defineCommand({
  args: { name: nameArg },
  async run({ args }) {
    const { paths, name } = await containerNamed(args.name);
    await inContainers(paths, "stop", [name]);
    succeed(`Container "${name}" of VM "${paths.name}" is stopped.`);
  },
});
