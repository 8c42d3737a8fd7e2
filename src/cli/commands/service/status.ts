/** `qn service status`: what there is of a VM's service. */
import { serviceState } from "../../../host/integrate/service/manage.ts";
import { requireVm } from "../../../host/vm/require-vm.ts";
import { defineCommand, jsonArg, vmArg } from "../../command.ts";
import { statuses } from "../../statuses.ts";
import { printJson } from "../../terminal/print.ts";
import { say } from "../../terminal/show.ts";
import { serviceHost, vmNamed } from "../../vm-here.ts";

export const command = defineCommand({
  args: { vm: vmArg, json: jsonArg },
  async run({ args: { vm, json } }) {
    const { paths } = vmNamed(vm);
    const state = await serviceState(serviceHost(), paths);
    // A service may be there before its VM, or after it.
    if (!state.installed) await requireVm(paths);
    if (!state.installed) process.exitCode = statuses.notRunning;
    if (json === true) return printJson("service status", state);
    if (!state.installed) return say(`VM "${vm}" has no service.`);
    say(
      `VM "${vm}" starts at login and is ${state.active ? "active" : "not active"} in ${state.manager}: ${state.file}`,
    );
  },
});
