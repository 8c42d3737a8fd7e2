/** `qn mounts`: which host folders a VM sees, and which containers use them. */
import { command, jsonArg, vmArg } from "../command.ts";

export const mounts = command({
  name: "mounts",
  description: "Show the shared folders and the containers that use them",
  examples: ["qn mounts"],
  args: { vm: vmArg, json: jsonArg },
  async run({ args }) {
    const [{ showMounts }, { vmHere }] = await Promise.all([import("./mounts-run.ts"), import("../vm-here.ts")]);
    await showMounts(vmHere(args.vm).paths, args.json === true);
  },
});
