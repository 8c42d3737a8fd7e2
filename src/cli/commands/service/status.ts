/** `qn service status`: what there is of a VM's service. */
import { serviceState } from "../../../host/integrate/service/manage.ts";
import { defineCommand, jsonArg, vmArg } from "../../command.ts";
import { printJson } from "../../terminal/print.ts";
import { say } from "../../terminal/show.ts";
import { serviceHost, vmNamed } from "../../vm-here.ts";

/** The exit status of "not installed", as of "not running". */
const notInstalled = 3;

export const command = defineCommand({
  args: { vm: vmArg, json: jsonArg },
  async run({ args: { vm, json } }) {
    const state = await serviceState(serviceHost(), vmNamed(vm).paths);
    if (!state.installed) process.exitCode = notInstalled;
    if (json === true) return printJson(state);
    if (!state.installed) return say(`VM "${vm}" has no service.`);
    say(
      `VM "${vm}" starts at login and is ${state.active ? "active" : "not active"} in ${state.manager}: ${state.file}`,
    );
  },
});
