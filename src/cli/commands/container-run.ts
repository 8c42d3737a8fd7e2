/** What the `qn container` commands do. */
import { QnError } from "../../base/errors.ts";
import { containerCommand, inContainers, parseContainers, throwIfRefused } from "../../host/nixos/machines/guest.ts";
import type { VmPaths } from "../../host/layout.ts";
import { statusOfVm } from "../../host/lifecycle/status.ts";
import { handOver } from "../terminal/hand-over.ts";
import { vmHere } from "../vm-here.ts";
import { printJson, printTable, say, succeed } from "../terminal/show.ts";

/** Prints the containers of a VM. Throws NOT_RUNNING and CONTAINER_FAILED. */
export async function showContainers(vm: string, asJson: boolean): Promise<void> {
  const containers = parseContainers(await inContainers(await runningVm(vm), "list"));
  if (asJson) return printJson(containers);
  if (containers.length === 0)
    return say(`VM "${vm}" has no containers of systemd's; Docker's are those of docker ps.`);
  printTable(
    ["NAME", "STATE", "ADDRESSES"],
    containers.map(({ name, state, addresses }) => [name, state, addresses.join(" ")]),
  );
}

/** Starts or stops one; fine when it is so already. */
export async function change(action: "start" | "stop", place: string): Promise<void> {
  const { vm, name } = placeOf(place);
  await inContainers(await runningVm(vm), action, [name]);
  succeed(`Container "${name}" of VM "${vm}" ${action === "start" ? "runs" : "is stopped"}.`);
}

/** A shell in one, or a command with its exit status. */
export async function openShell(place: string, words: readonly string[]): Promise<void> {
  const { vm, name } = placeOf(place);
  const paths = await runningVm(vm);
  const { exitCode } = await handOver(containerCommand(paths, "shell", [name, ...words], process.stdin.isTTY));
  process.exitCode = exitCode;
  await throwIfRefused(paths, "shell", name, exitCode);
}

/** What one has said. Whoever follows it ends that with Ctrl-C, and is done then. */
export async function showLogs(place: string, isFollowed: boolean): Promise<void> {
  const { vm, name } = placeOf(place);
  const paths = await runningVm(vm);
  const words = [name, ...(isFollowed ? ["--follow"] : [])];
  const { exitCode, isAskedFor } = await handOver(containerCommand(paths, "logs", words));
  process.exitCode = isAskedFor ? 0 : exitCode;
  await throwIfRefused(paths, "logs", name, exitCode);
}

// --- internal ---

/** `site` is a container of the VM "default", `web/site` one of the VM "web". */
function placeOf(place: string): { readonly vm: string; readonly name: string } {
  const [vm = "", name] = place.split("/", 2);
  return name === undefined ? { vm: "default", name: vm } : { vm, name };
}

async function runningVm(vm: string): Promise<VmPaths> {
  const { paths } = vmHere(vm);
  const { state } = await statusOfVm(paths, process.env);
  if (state === "running" || state === "degraded") return paths;
  throw new QnError("NOT_RUNNING", `The VM "${paths.name}" is ${state}.`);
}
