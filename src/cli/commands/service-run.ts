/** What the `qn service` commands do. */
import { realpathSync } from "node:fs";
import type { HostOs } from "../../base/words.ts";
import {
  installService,
  type ServiceHost,
  serviceSpec,
  serviceState,
  uninstallService,
} from "../../host/integrate/service/manage.ts";
import { requireVm } from "../../host/vm/known.ts";
import { findProgram } from "../../system/process.ts";
import { vmHere } from "../vm-here.ts";
import { selfCommand } from "../self.ts";
import { printJson, say, succeed, warn } from "../terminal/show.ts";

/** The exit status of "not installed", as of "not running". */
const notInstalled = 3;

/** This machine's services. */
export function serviceHost(): ServiceHost {
  const os: HostOs = process.platform === "darwin" ? "darwin" : "linux";
  return { os, env: process.env };
}

/** Installs the service of a VM. Throws NO_SUCH_VM when there is no such VM. */
export async function install(vm: string): Promise<void> {
  const { layout, paths } = vmHere(vm);
  await requireVm(paths, "Make it first with `qn up`.");
  const host = serviceHost();
  const problem = await installService(host, serviceSpec(paths, layout.home, lastingSelf(), process.env));
  const { file } = await serviceState(host, paths);
  succeed(`VM "${paths.name}" starts at login: ${file}`);
  if (problem !== undefined) warn(`It could not be started now, but will be at the next login: ${problem}.`);
  if (host.os === "linux") say("  To start it when the machine does, before anybody logs in: loginctl enable-linger");
}

/** Removes the service of a VM. */
export async function uninstall(vm: string): Promise<void> {
  const { paths } = vmHere(vm);
  const wasThere = await uninstallService(serviceHost(), paths);
  if (wasThere) succeed(`VM "${paths.name}" does not start at login any more.`);
  else say(`VM "${paths.name}" has no service.`);
}

/** Prints what there is of a VM's service. */
export async function showStatus(vm: string, asJson: boolean): Promise<void> {
  const state = await serviceState(serviceHost(), vmHere(vm).paths);
  if (!state.installed) process.exitCode = notInstalled;
  if (asJson) return printJson(state);
  if (!state.installed) return say(`VM "${vm}" has no service.`);
  say(`VM "${vm}" starts at login and is ${state.active ? "active" : "not active"} in ${state.manager}: ${state.file}`);
}

// --- internal ---

/** The command that runs qn, by the name that an upgrade keeps: a link in PATH rather than the file that it leads to. */
function lastingSelf(): readonly string[] {
  const [program = "", ...rest] = selfCommand();
  const inPath = findProgram("qn");
  if (rest.length > 0 || inPath === undefined) return [program, ...rest];
  return realpathSync(inPath) === realpathSync(program) ? [inPath] : [program];
}
