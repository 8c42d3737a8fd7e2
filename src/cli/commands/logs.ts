/** `qn logs`: what the supervisor, QEMU, the guest's console and the agent said. */
import { command, vmArg } from "../command.ts";

export const logs = command({
  name: "logs",
  description: "Show a VM's logs",
  examples: ["qn logs -f", "qn logs web --source serial"],
  args: {
    vm: vmArg,
    follow: { type: "boolean", alias: "f", description: "Go on as the log grows" },
    source: {
      type: "string",
      default: "supervisor",
      description: "supervisor, qemu, serial or agent",
      valueHint: "SOURCE",
    },
  },
  async run({ args }) {
    const [{ printLog }, { vmHere }] = await Promise.all([import("./logs-run.ts"), import("../vm-here.ts")]);
    await printLog(vmHere(args.vm).paths, args.source, args.follow === true);
  },
});
