/** `qn socket link`: makes Docker's usual socket path lead to a VM. */
import { linkCommand, linkSocket, usualSocket } from "../../../host/integrate/docker/socket-link.ts";
import { requireVm } from "../../../host/vm/require-vm.ts";
import { defineCommand, vmArg } from "../../command.ts";
import { say, succeed } from "../../terminal/show.ts";
import { withSudo } from "../../terminal/sudo.ts";
import { vmNamed } from "../../vm-here.ts";

export const command = defineCommand({
  examples: ["qn socket link web --sudo"],
  args: { vm: vmArg, sudo: { type: "boolean", description: "Ask sudo for the right to do it, if need be" } },
  async run({ args }) {
    const { layout, paths } = vmNamed(args.vm);
    await requireVm(paths);
    const isNew = await withSudo(args.sudo === true, linkCommand(paths), () => linkSocket(layout, paths));
    if (isNew) succeed(`${usualSocket} leads to the VM "${paths.name}".`);
    else say(`${usualSocket} leads to the VM "${paths.name}" already.`);
  },
});
