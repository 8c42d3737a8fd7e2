/** `qn events`: what happens to a VM, as it happens: states, ports, warnings, failures. */
import { command, jsonArg, vmArg } from "../command.ts";

export const events = command({
  name: "events",
  description: "Follow a VM's states, ports and errors until it stops",
  examples: ["qn events", "qn events web --json | jq -r .event"],
  args: { vm: vmArg, json: jsonArg },
  async run({ args }) {
    const [{ watchEvents }, { vmHere }, { interruptionOrNoReader }, { eventWords }] = await Promise.all([
      import("../../host/lifecycle/watch-events.ts"),
      import("../vm-here.ts"),
      import("../terminal/signals.ts"),
      import("../terminal/event-words.ts"),
    ]);
    using over = interruptionOrNoReader();
    await watchEvents(vmHere(args.vm).paths, "events", over.signal, (event) => {
      const at = new Date().toISOString();
      process.stdout.write(`${args.json === true ? JSON.stringify({ at, ...event }) : `${at} ${eventWords(event)}`}\n`);
    });
  },
});
