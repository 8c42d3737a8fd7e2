/** `qn rename`: another name for a VM. */
import { hasService } from "../../host/integrate/service/manage.ts";
import { renameVm } from "../../host/lifecycle/clone.ts";
import { defineCommand } from "../command.ts";
import { succeed, warn } from "../terminal/show.ts";
import { qnHome, serviceHost } from "../vm-here.ts";

export const command = defineCommand({
  args: {
    vm: { type: "positional", required: true, description: "The VM" },
    to: { type: "positional", required: true, description: "Its new name" },
  },
  async run({ args }) {
    const layout = qnHome();
    const [from, to] = [layout.vm(args.vm), layout.vm(args.to)];
    const isServed = await hasService(serviceHost(), from);
    await renameVm(from, to, process.env, warn);
    succeed(`VM "${from.name}" is now "${to.name}".`);
    if (!isServed) return;
    const steps = `qn service uninstall ${from.name}, then qn service install ${to.name}`;
    warn(`Its service still starts "${from.name}", which is no more: ${steps}.`);
  },
});
