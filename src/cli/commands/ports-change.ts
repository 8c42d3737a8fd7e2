/** `qn ports add` and `qn ports remove`: forwards by hand. */
import { command, vmArg } from "../command.ts";

const forwardArg = {
  type: "positional",
  required: true,
  description: "[HOSTIP:]HOSTPORT[:GUESTPORT][/udp]",
} as const;

export const add = command({
  name: "ports add",
  description: "Forward a port to the guest itself, now and at every start",
  examples: ["qn ports add 8080:80", "qn ports add 127.0.0.1:5353:53/udp web"],
  args: { forward: forwardArg, vm: vmArg },
  async run({ args }) {
    const { changePorts } = await import("./ports-change-run.ts");
    await changePorts("add", args.forward, args.vm);
  },
});

export const remove = command({
  name: "ports remove",
  description: "Take away a forward that was made by hand",
  examples: ["qn ports remove 8080"],
  args: { forward: forwardArg, vm: vmArg },
  async run({ args }) {
    const { changePorts } = await import("./ports-change-run.ts");
    await changePorts("remove", args.forward, args.vm);
  },
});
