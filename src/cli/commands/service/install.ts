/** `qn service install`: a VM that starts at login and is started again when it crashes. */
import { realpathSync } from "node:fs";
import { installService, serviceSpec, serviceState } from "../../../host/integrate/service/manage.ts";
import { requireVm } from "../../../host/vm/require-vm.ts";
import { findProgram } from "../../../system/process.ts";
import { defineCommand, vmArg } from "../../command.ts";
import { selfCommand } from "../../self.ts";
import { say, succeed, warn } from "../../terminal/show.ts";
import { serviceHost, vmNamed } from "../../vm-here.ts";

export const command = defineCommand({
  examples: ["QN_QEMU=/opt/qemu/bin/qemu-system-x86_64 qn service install web"],
  args: { vm: vmArg },
  async run({ args }) {
    const { layout, paths } = vmNamed(args.vm);
    await requireVm(paths, "Make it first with `qn up`.");
    const host = serviceHost();
    const problem = await installService(host, serviceSpec(paths, layout.home, lastingSelf(), process.env));
    const { file } = await serviceState(host, paths);
    succeed(`VM "${paths.name}" starts at login: ${file}`);
    if (problem !== undefined) warn(`It could not be started now, but will be at the next login: ${problem}.`);
    if (host.os === "linux") say("  To start it when the machine does, before anybody logs in: loginctl enable-linger");
  },
});

// --- internal ---

/**
 * The command that runs qn, by the name that an upgrade keeps: a link in PATH rather than the file that it leads to.
 */
function lastingSelf(): readonly string[] {
  const [program = "", ...rest] = selfCommand();
  const inPath = findProgram("qn");
  if (rest.length > 0 || inPath === undefined) return [program, ...rest];
  return realpathSync(inPath) === realpathSync(program) ? [inPath] : [program];
}
