/** `qn rename`: another name for a VM. */
import { command } from "./command.ts";

export const rename = command({
  name: "rename",
  description: "Give a stopped VM another name; its data goes with it",
  examples: ["qn rename web shop"],
  args: {
    vm: { type: "positional", required: true, description: "The VM" },
    to: { type: "positional", required: true, description: "Its new name" },
  },
  async run({ args }) {
    const [{ renameVm }, { layoutHere }, { succeed, warn }] = await Promise.all([
      import("../host/lifecycle/copy.ts"),
      import("./place.ts"),
      import("./show.ts"),
    ]);
    const layout = layoutHere();
    await renameVm(layout.vm(args.vm), layout.vm(args.to), process.env, warn);
    succeed(`VM "${args.vm}" is now "${args.to}".`);
  },
});
