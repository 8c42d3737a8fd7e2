/** The hooks of ports in a guest with the container "web", with everything that they do kept in order. */
import { PortTable } from "../../src/agent/ports/port-table.ts";
import { portHooks } from "../../src/agent/ports/hooks.ts";
import type { ServedPort } from "../../src/agent/ports/published.ts";
import { inOrder } from "../../src/agent/docker/hooks.ts";
import type { DockerRequest, Hooks } from "../../src/agent/docker/plugin.ts";
import type { FailedPort, PublishedPort } from "../../src/protocol/messages.ts";
import type { ContainerDetails } from "../../src/system/docker-views.ts";

/** What "web" asks for. */
export const port: PublishedPort = {
  protocol: "tcp",
  hostIp: "",
  hostPort: 8080,
  containerId: "f00d",
  container: "web",
};
/** The same once it runs. */
export const running: ServedPort = { ...port, hostIp: "0.0.0.0", target: { hostname: "172.17.0.2", port: 80 } };

/** The container as Docker describes it. */
export const web: ContainerDetails = {
  Id: "f00d",
  Name: "/web",
  HostConfig: {
    NetworkMode: "bridge",
    PortBindings: { "80/tcp": [{ HostIp: "", HostPort: "8080" }], "81/tcp": [{ HostIp: "", HostPort: "" }] },
    Binds: [],
    Mounts: [],
  },
};

/** The hooks and what they have done. */
export type Scene = {
  readonly hooks: Hooks;
  readonly table: PortTable;
  /** What happened, in order: reports of host ports, lists, questions about containers. */
  readonly events: string[];
  readonly troubles: string[];
};

/** A guest with the container "web". The host answers each report with what `host` makes of it, nothing when it is late. */
export function scene(
  options: {
    readonly host?: (ports: readonly PublishedPort[]) => readonly FailedPort[] | "late" | "away";
    readonly details?: (id: string) => Promise<ContainerDetails>;
    readonly list?: () => Promise<readonly ServedPort[]>;
    readonly kill?: () => Promise<void>;
    readonly deadlineMs?: number;
  } = {},
): Scene {
  const { host = () => [], list = async () => [] } = options;
  const events: string[] = [];
  const troubles: string[] = [];
  let reports = 0;
  const table = new PortTable((ports, choosing) => {
    const report = (reports += 1);
    events.push(
      `report${choosing ? " choosing" : ""} ${ports.map(({ hostIp, hostPort }) => `${hostIp || "any"}:${hostPort}`).join(" ") || "none"}`,
    );
    const answer = host(ports);
    if (answer === "away") return undefined;
    if (answer !== "late") setImmediate(() => table.onServed(report, answer));
    return report;
  });
  const details = async (id: string): Promise<ContainerDetails> => {
    events.push(`details ${id}`);
    if (options.details !== undefined) return await options.details(id);
    if (id !== "web" && id !== web.Id) throw new Error("404");
    return web;
  };
  const rooms = portHooks({
    table,
    containers: {
      startedBy: async ({ id }) => await details(id),
      idOf: (name) => (name === "web" ? web.Id : undefined),
      hasEnded: async (id) => (await details(id)).State?.Running === false,
    },
    async refresh() {
      events.push("list");
      table.setPublished(await list());
    },
    async kill(id) {
      events.push(`kill ${id}`);
      await options.kill?.();
    },
    remove: async (id) => void events.push(`remove ${id}`),
    onTrouble: (text) => troubles.push(text),
    deadlineMs: options.deadlineMs ?? 20,
  });
  return { hooks: inOrder([rooms]), table, events, troubles };
}

/** A request of a client. */
export function post(uri: string): DockerRequest {
  return { method: "POST", uri, body: undefined };
}

/** What the host says of a port that nginx holds. */
export const taken = (hostPort: number, hostIp = ""): FailedPort => ({
  protocol: "tcp",
  hostIp,
  hostPort,
  reason: `Port ${hostPort} on 127.0.0.1 is taken by nginx (pid 7).`,
});
