/** `qn container start`: starts one; fine when it is so already. */
import { inContainers } from "../../../host/nixos/machines/machines-script.ts";
import { defineCommand } from "../../command.ts";
import { succeed } from "../../terminal/show.ts";
import { containerNamed, nameArg } from "./named.ts";

export const command = defineCommand({
  args: { name: nameArg },
  async run({ args }) {
    const { paths, name } = await containerNamed(args.name);
    await inContainers(paths, "start", [name]);
    succeed(`Container "${name}" of VM "${paths.name}" runs.`);
  },
});
