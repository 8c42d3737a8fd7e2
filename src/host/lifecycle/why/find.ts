/**
 * Finds out all that there is to know about one port of the host, from every VM of a QN_HOME and from the host itself.
 */
import { messageOf } from "../../../base/errors.ts";
import type { ListedContainer } from "../../../system/docker-views.ts";
import { holdersOfPort } from "../../../system/port-holders.ts";
import type { Layout, VmPaths } from "../../layout.ts";
import { deniedBy, portRules } from "../../ports/listener-plan.ts";
import { missingRights } from "../../ports/rights.ts";
import type { PortFacts, PortQuestion, Publish, VmFacts } from "./question.ts";
import { effectiveConfig, type Environment } from "../../vm/settings.ts";
import { readBootRecord } from "../../supervisor/boot/boot.ts";
import { readRange } from "../../supervisor/boot/port-range.ts";
import type { Status } from "../../supervisor/messages.ts";
import { statusOfVm, vmNames } from "../status.ts";

/** The facts about a port. A VM that is broken or silent is a fact too, never a failure. */
export async function portFacts(layout: Layout, question: PortQuestion, env: Environment): Promise<PortFacts> {
  const names = await vmNames(layout);
  const [holders, rights, vms] = await Promise.all([
    holdersOfPort(question.port),
    missingRights(question.port),
    Promise.all(names.map((name) => factsOfVm(layout, name, question, env))),
  ]);
  return { question, holders, rights, vms };
}

// --- internal ---

async function factsOfVm(layout: Layout, name: string, { port }: PortQuestion, env: Environment): Promise<VmFacts> {
  const nothing = {
    name,
    problem: undefined,
    forwards: [],
    publishes: [],
    unheard: [],
    supervisorPid: undefined,
    qemuPid: undefined,
    wayIn: undefined,
    denied: undefined,
    slot: undefined,
  };
  let paths: VmPaths;
  let status: Status;
  let denied: string | undefined;
  let listen: boolean | "containers";
  try {
    paths = layout.vm(name);
    status = await statusOfVm(paths, env);
    const { ports } = (await effectiveConfig(paths, env)).config;
    denied = deniedBy(port, portRules(ports).deny)?.rule;
    ({ listen } = ports);
  } catch (error) {
    return { ...nothing, state: "failed", problem: messageOf(error) };
  }
  const range = await readRange(paths);
  const known = {
    ...nothing,
    state: status.state,
    forwards: status.ports.filter(({ hostPort }) => hostPort === port),
    supervisorPid: status.supervisor.pid ?? undefined,
    qemuPid: status.qemu.pid ?? undefined,
    wayIn: await wayIn(paths, port),
    denied,
    slot: range !== undefined && range.first <= port && port <= range.last ? range : undefined,
  };
  // That a VM was never started is no trouble: it is stopped.
  const problem = status.state === "stopped" ? undefined : (status.reason ?? undefined);
  if (!status.docker.reachable) return { ...known, problem };
  try {
    return { ...known, ...(await containersOf(status.docker.socket, port, listen === false)) };
  } catch (error) {
    return { ...known, problem: messageOf(error) };
  }
}

async function wayIn(paths: VmPaths, port: number): Promise<VmFacts["wayIn"]> {
  const boot = await readBootRecord(paths);
  if (boot?.gatePort === port) return "gate";
  return boot?.sshPort === port || boot?.sshForwardPort === port ? "ssh" : undefined;
}

/**
 * The containers that were made to publish the port, and those that got it from Docker; and those in the guest's own
 * network when they are `unheard`.
 */
async function containersOf(
  socketPath: string,
  port: number,
  isUnheard: boolean,
): Promise<Pick<VmFacts, "publishes" | "unheard">> {
  const { askedPorts, listContainers } = await import("../../../system/docker.ts");
  const containers = await listContainers(socketPath);
  const asked = await askedPorts(
    socketPath,
    containers.map(({ id }) => id),
  );
  const inHostNetwork = containers.filter(({ network, state }) => network === "host" && state === "running");
  const publishes = containers.flatMap((container, index) => {
    const bindings = (asked[index] ?? []).flatMap(({ protocol, hostIp, hostPorts, port: containerPort }) => {
      const how = howAsked(hostPorts, port);
      const has = isPublished(container, port, protocol, containerPort);
      // A number that Docker chooses is known only while the container has it.
      if (how === undefined || (how === "any" && !has)) return [];
      return [{ protocol, container: container.name, state: container.state, hostIp, containerPort, asked: how }];
    });
    return bindings;
  });
  return { publishes, unheard: isUnheard ? inHostNetwork.map(({ name }) => name) : [] };
}

function isPublished({ ports }: ListedContainer, port: number, protocol: string, containerPort: number): boolean {
  return ports.some((each) => each.hostPort === port && each.protocol === protocol && each.port === containerPort);
}

function howAsked(hostPorts: string, port: number): Publish["asked"] | undefined {
  if (hostPorts === "" || hostPorts === "0") return "any";
  const [first = "", last = first] = hostPorts.split("-");
  if (port < Number(first) || port > Number(last)) return undefined;
  return first === last ? "port" : "range";
}
