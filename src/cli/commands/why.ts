/** `qn why`: who holds a port of this machine, who wants it, and which rule decided. */
import { command, jsonArg } from "../command.ts";

export const why = command({
  name: "why",
  description: "Explain a port of this machine: who has it, who wants it, and why",
  examples: ["qn why 8080", "qn why 53/udp --json"],
  args: {
    port: { type: "positional", required: true, description: "The port, such as 8080, 8080/tcp or 53/udp" },
    json: jsonArg,
  },
  async run({ args }) {
    const { whyPort } = await import("./why-run.ts");
    await whyPort(args.port, args.json === true);
  },
});
