/** `qn clone`: a VM like another one. */
import { command } from "../command.ts";

export const clone = command({
  name: "clone",
  description: "Make a VM from a stopped one: its settings, disks and data",
  examples: ["qn clone default web"],
  args: {
    vm: { type: "positional", required: true, description: "The VM to copy" },
    to: { type: "positional", required: true, description: "The new VM's name" },
  },
  async run({ args }) {
    const [{ cloneVm }, { layoutHere }, { say, succeed }] = await Promise.all([
      import("../../host/lifecycle/clone.ts"),
      import("../vm-here.ts"),
      import("../terminal/show.ts"),
    ]);
    const layout = layoutHere();
    await cloneVm(layout.vm(args.vm), layout.vm(args.to), process.env);
    succeed(`VM "${args.to}" is a copy of "${args.vm}".`);
    say(`  qn up ${args.to}   starts it, with ports and keys of its own`);
  },
});
