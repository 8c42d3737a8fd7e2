/** `qn service uninstall`: removes the service of a VM. */
import { uninstallService } from "../../../host/integrate/service/manage.ts";
import { defineCommand, vmArg } from "../../command.ts";
import { say, succeed } from "../../terminal/show.ts";
import { serviceHost, vmNamed } from "../../vm-here.ts";

export const command = defineCommand({
  args: { vm: vmArg },
  async run({ args }) {
    const { paths } = vmNamed(args.vm);
    const wasThere = await uninstallService(serviceHost(), paths);
    if (wasThere) succeed(`VM "${paths.name}" does not start at login any more.`);
    else say(`VM "${paths.name}" has no service.`);
  },
});
