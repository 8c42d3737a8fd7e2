/** `qn clone`: a VM like another one. */
import { cloneVm } from "../../host/lifecycle/clone.ts";
import { defineCommand } from "../command.ts";
import { say, succeed } from "../terminal/show.ts";
import { qnHome } from "../vm-here.ts";

export const command = defineCommand({
  args: {
    vm: { type: "positional", required: true, description: "The VM to copy" },
    to: { type: "positional", required: true, description: "The new VM's name" },
  },
  async run({ args }) {
    const layout = qnHome();
    await cloneVm(layout.vm(args.vm), layout.vm(args.to), process.env);
    succeed(`VM "${args.to}" is a copy of "${args.vm}".`);
    say(`  qn up ${args.to}   starts it, with ports and keys of its own`);
  },
});
