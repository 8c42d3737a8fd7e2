/** `qn agent`: hidden; the services in the guest, both roles in one process or one of them. */
import { command } from "../command.ts";

export const agent = command({
  name: "agent",
  description: "Serve the host from inside the guest",
  hidden: true,
  args: {
    role: { type: "positional", required: false, description: "ports or tmp, both when left out; or provision" },
  },
  async run({ args }) {
    const { runAgent } = await import("./agent-run.ts");
    await runAgent(args.role);
  },
});
