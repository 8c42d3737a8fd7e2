/** `qn supervise`: hidden; the long-lived process of one VM, which `qn up` starts. */
import { command, vmArg, wholeNumber } from "../command.ts";

export const supervise = command({
  name: "supervise",
  description: "Own a VM's QEMU, listeners and sockets until it stops",
  hidden: true,
  args: {
    vm: vmArg,
    flags: { type: "string", default: "{}", description: "Settings on top of the file's, as JSON" },
    service: { type: "boolean", description: "Stand by while another supervisor has the VM" },
    settings: { type: "string", description: "Make the VM if there is none; this file has its settings" },
    timeout: { type: "string", description: "Give the boot this many seconds" },
  },
  async run({ args }) {
    const [
      run,
      { serveVm },
      { declareVm },
      { notifySystemd, sendErrorsTo },
      { vmHere },
      { interruption },
      { parseFlags },
      { version },
    ] = await Promise.all([
      import("../../host/supervisor/run.ts"),
      import("../../host/supervisor/serve.ts"),
      import("../../host/lifecycle/declare.ts"),
      import("../../system/kernel/libc.ts"),
      import("../vm-here.ts"),
      import("../terminal/signals.ts"),
      import("../../host/config/load.ts"),
      import("../version.ts"),
    ]);
    // Sockets, logs and disks of this process are for its owner only.
    process.umask(0o077);
    const { layout, paths } = vmHere(args.vm);
    if (args.settings !== undefined) {
      await declareVm(layout, paths, args.settings);
      // What cannot be declared is in the service manager's own log; all else is where `qn logs` looks.
      sendErrorsTo(paths.logs.supervisor);
    }
    using interrupted = interruption();
    const timeoutS = wholeNumber("timeout", args.timeout);
    const supervise = args.service === true ? serveVm : run.supervise;
    await supervise({
      layout,
      paths,
      env: process.env,
      flags: parseFlags(args.flags),
      version,
      limits: timeoutS === undefined ? {} : { bootMs: timeoutS * 1000 },
      onListening: () => {
        process.stdout.write("listening\n");
        notifySystemd("READY=1");
      },
      signal: interrupted.signal,
    });
    // A client that keeps its end of a stream open must not keep a supervisor alive whose VM is gone.
    // oxlint-disable-next-line unicorn/no-process-exit -- nothing is left to do
    process.exit();
  },
});
