/** `qn events`: what happens to a VM, as it happens: states, ports, warnings, failures. */
import { watchEvents } from "../../host/lifecycle/watch-events.ts";
import { defineCommand, jsonArg, vmArg } from "../command.ts";
import { eventWords } from "../terminal/event-words.ts";
import { output } from "../terminal/output.ts";
import { printEvent } from "../terminal/print.ts";
import { interruptionOrNoReader } from "../terminal/signals.ts";
import { vmNamed } from "../vm-here.ts";

export const command = defineCommand({
  examples: ["qn events web --json | jq -r .event"],
  args: { vm: vmArg, json: jsonArg },
  async run({ args }) {
    using over = interruptionOrNoReader();
    await watchEvents(vmNamed(args.vm).paths, "events", over.signal, (event) => {
      if (args.json === true) return printEvent(event);
      // By the stream, which lets signals through while the reader of a pipe takes its time.
      output(`${new Date().toISOString()} ${eventWords(event)}\n`);
    });
  },
});
