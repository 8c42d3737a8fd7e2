/** `qn supervise`: hidden; the long-lived process of one VM, which `qn up` starts. */
import { parseFlags } from "../../host/config/load.ts";
import { declareVm } from "../../host/lifecycle/declare.ts";
import { supervise } from "../../host/supervisor/run.ts";
import { requireVm } from "../../host/vm/require-vm.ts";
import { serveVm } from "../../host/supervisor/as-service.ts";
import { notifySystemd, sendErrorsTo } from "../../system/kernel/libc.ts";
import { defineCommand, vmArg, wholeNumber } from "../command.ts";
import { runningCommand } from "../self.ts";
import { output } from "../terminal/output.ts";
import { interruption } from "../terminal/signals.ts";
import { version } from "../version.ts";
import { vmNamed } from "../vm-here.ts";

export const command = defineCommand({
  args: {
    vm: vmArg,
    flags: { type: "string", default: "{}", description: "Settings on top of the file's, as JSON" },
    service: { type: "boolean", description: "Stand by while another supervisor has the VM" },
    settings: { type: "string", description: "Make the VM if there is none; this file has its settings" },
    timeout: { type: "string", description: "Give up after this many seconds" },
  },
  async run({ args }) {
    // Sockets, logs and disks of this process are for its owner only.
    process.umask(0o077);
    const { layout, paths } = vmNamed(args.vm);
    if (args.settings !== undefined) await declareVm(paths, args.settings);
    else if (args.service === true) await requireVm(paths);
    // What cannot be declared, or is not there, is in the service manager's own log; all else is where `qn logs` looks.
    if (args.settings !== undefined || args.service === true) sendErrorsTo(paths.logs.supervisor);
    using interrupted = interruption();
    const timeoutS = wholeNumber("timeout", args.timeout);
    const run = args.service === true ? serveVm : supervise;
    await run({
      layout,
      paths,
      env: process.env,
      flags: parseFlags(args.flags),
      version,
      self: runningCommand(),
      limits: timeoutS === undefined ? {} : { bootMs: timeoutS * 1000 },
      onListening: () => {
        output("listening\n");
        notifySystemd("READY=1");
      },
      signal: interrupted.signal,
    });
    // A client that keeps its end of a stream open must not keep a supervisor alive whose VM is gone.
    // oxlint-disable-next-line unicorn/no-process-exit -- nothing is left to do
    process.exit();
  },
});
