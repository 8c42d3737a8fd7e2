/** `qn service`: a VM that starts at login and is started again when it crashes. */
import { defineCommand } from "citty";
import { command, jsonArg, vmArg } from "../command.ts";

const install = command({
  name: "service install",
  description: "Start a VM now and at each login, and again should it crash; not after `qn down`",
  examples: ["qn service install", "QN_QEMU=/opt/qemu/bin/qemu-system-x86_64 qn service install web"],
  args: { vm: vmArg },
  async run({ args }) {
    const { install: run } = await import("./service-run.ts");
    await run(args.vm);
  },
});

const uninstall = command({
  name: "service uninstall",
  description: "Take it back; a VM that the service runs is shut down",
  examples: ["qn service uninstall"],
  args: { vm: vmArg },
  async run({ args }) {
    const { uninstall: run } = await import("./service-run.ts");
    await run(args.vm);
  },
});

const status = command({
  name: "service status",
  description: "Say whether it is installed and active; the exit status is 3 when it is not installed",
  examples: ["qn service status --json"],
  args: { vm: vmArg, json: jsonArg },
  async run({ args }) {
    const { showStatus } = await import("./service-run.ts");
    await showStatus(args.vm, args.json === true);
  },
});

export const service = defineCommand({
  meta: { name: "service", description: "Start a VM at login, with launchd or systemd" },
  subCommands: { install, uninstall, status },
});
