/** `qn rename`: another name for a VM. */
import { command } from "../command.ts";

export const rename = command({
  name: "rename",
  description: "Give a stopped VM another name; its data goes with it",
  examples: ["qn rename web shop"],
  args: {
    vm: { type: "positional", required: true, description: "The VM" },
    to: { type: "positional", required: true, description: "Its new name" },
  },
  async run({ args }) {
    const [{ renameVm }, { hasService }, { serviceHost }, { layoutHere }, { succeed, warn }] = await Promise.all([
      import("../../host/lifecycle/clone.ts"),
      import("../../host/integrate/service/manage.ts"),
      import("./service-run.ts"),
      import("../vm-here.ts"),
      import("../terminal/show.ts"),
    ]);
    const layout = layoutHere();
    const [from, to] = [layout.vm(args.vm), layout.vm(args.to)];
    const isServed = await hasService(serviceHost(), from);
    await renameVm(from, to, process.env, warn);
    succeed(`VM "${from.name}" is now "${to.name}".`);
    if (!isServed) return;
    warn(
      `Its service still starts "${from.name}", which is no more: qn service uninstall ${from.name}, then qn service install ${to.name}.`,
    );
  },
});
