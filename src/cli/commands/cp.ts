/** `qn cp`: copies files and folders between this machine and a VM. */
import { QnError } from "../../base/errors.ts";
import { copy } from "../../host/cp/copy.ts";
import { parseDirection } from "../../host/cp/operand.ts";
import { statusOfVm } from "../../host/lifecycle/status.ts";
import { defineCommand } from "../command.ts";
import { progressLine } from "../terminal/progress.ts";
import { interruption } from "../terminal/signals.ts";
import { vmNamed } from "../vm-here.ts";

export const command = defineCommand({
  examples: ["qn cp web:/var/log/dpkg.log ."],
  args: {
    source: { type: "positional", required: true, description: "A path here, or VM:PATH in a VM" },
    destination: {
      type: "positional",
      required: true,
      description: "A path here if SOURCE is in a VM, VM:PATH otherwise",
    },
    recursive: { type: "boolean", alias: "r", description: "Accepted for habit; folders are always copied whole" },
  },
  async run({ args }) {
    const { from, to } = parseDirection(args.source, args.destination);
    const { paths } = vmNamed(from.at === "guest" ? from.vm : to.at === "guest" ? to.vm : "default");
    const status = await statusOfVm(paths, process.env);
    if (status.ssh.port === null && status.state !== "degraded") {
      throw new QnError("NOT_RUNNING", `The VM "${paths.name}" is ${status.state}.`);
    }
    using interrupted = interruption();
    using progress = progressLine();
    await copy({ from, to, paths, signal: interrupted.signal, onProgress: progress.show });
    progress.done();
  },
});
