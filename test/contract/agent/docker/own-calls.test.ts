/** How often the agent itself asks Docker while Docker waits for it: dockerd asks its plugins about each such call, too. */
import { expect, test } from "bun:test";
import { changeHooks } from "../../../../src/agent/changes/hooks.ts";
import { Containers } from "../../../../src/agent/docker/containers.ts";
import { inOrder } from "../../../../src/agent/docker/hooks.ts";
import type { DockerRequest, Hooks } from "../../../../src/agent/docker/plugin.ts";
import { fileHooks } from "../../../../src/agent/files/hooks.ts";
import { PortTable } from "../../../../src/agent/ports/port-table.ts";
import { portHooks } from "../../../../src/agent/ports/hooks.ts";
import { portLister } from "../../../../src/agent/ports/list.ts";
import { Lister } from "../../../../src/base/lister.ts";
import { dockerApi } from "../../../../src/system/docker-api.ts";
import { type ContainerDetails, parseDetails } from "../../../../src/system/docker-views.ts";
import { noSockets, testBoot } from "../../../support/boot.ts";
import { type FakeDocker, fakeDocker } from "../../../support/fake-docker.ts";

const id = "c0ffee".repeat(11).slice(0, 64);
const other = "b0a710ad".repeat(8);

/** A container with a port and a mount, as `GET /containers/ID/json` has it, and as the list has it once it runs. */
const web = {
  Id: id,
  Name: "/web",
  State: { Running: true },
  HostConfig: {
    NetworkMode: "bridge",
    PortBindings: { "80/tcp": [{ HostIp: "", HostPort: "8080" }] },
    Binds: ["/nowhere/in/the/guest:/x"],
  },
};
const running = {
  Id: id,
  Names: ["/web"],
  Ports: [{ IP: "0.0.0.0", PrivatePort: 80, PublicPort: 8080, Type: "tcp" }],
  NetworkSettings: { Networks: { bridge: { IPAddress: "172.17.0.2" } } },
};

/** The hooks of the whole agent, beside a host that opens every port; `record` is Docker's own of the container. */
async function wholeAgent(
  docker: FakeDocker,
  record?: ContainerDetails,
): Promise<{ hooks: Hooks; table: PortTable; held: string[][] }> {
  docker.inspected["web"] = web;
  docker.inspected[id] = web;
  const api = dockerApi(docker.socketPath);
  const containers = new Containers(api, async (asked) => (asked === record?.Id ? record : undefined));
  let reports = 0;
  const table: PortTable = new PortTable(() => {
    const report = (reports += 1);
    setImmediate(() => table.onServed(report, []));
    return report;
  });
  const lister = new Lister(portLister(containers), (ports) => table.setPublished(ports));
  const held: string[][] = [];
  const changes = {
    catchUp: async () => {},
    onStart: async (_id: string, sources: readonly string[]) => void held.push([...sources]),
    onStarted: () => {},
  };
  const hooks = inOrder([
    await fileHooks(testBoot({ missing: "create" }), containers, noSockets, () => {}),
    changeHooks(changes, containers),
    portHooks({
      table,
      containers,
      refresh: () => lister.refresh(),
      kill: (each) => api.kill(each),
      remove: (each) => api.remove(each),
      onTrouble: () => {},
    }),
  ]);
  return { hooks, table, held };
}

/** Has a call go through as dockerd has it: before the request, then what the call does, then before the answer. */
async function pass(hooks: Hooks, request: DockerRequest, deed: () => void = () => {}): Promise<void> {
  await hooks.beforeRequest(request);
  deed();
  await hooks.beforeAnswer?.(request);
}

const post = (uri: string): DockerRequest => ({ method: "POST", uri, body: undefined });

test("a start by name of a container with a port and a mount asks Docker twice: for the container, and for the list", async () => {
  await using docker = await fakeDocker();
  const { hooks, table, held } = await wholeAgent(docker);
  await pass(hooks, post("/v1.45/containers/web/start"), () => (docker.containers = [running]));
  expect(docker.requests).toEqual(["GET /containers/web/json", "GET /containers/json"]);
  expect([table.publishes(id), held]).toEqual([true, [["/nowhere/in/the/guest"]]]);
});

test("a start by the whole id asks for the list alone, since the rest stands in Docker's own record", async () => {
  await using docker = await fakeDocker();
  const { hooks, table, held } = await wholeAgent(docker, parseDetails(web));
  await pass(hooks, post(`/v1.45/containers/${id}/start`), () => (docker.containers = [running]));
  expect(docker.requests).toEqual(["GET /containers/json"]);
  expect([table.publishes(id), held]).toEqual([true, [["/nowhere/in/the/guest"]]]);
});

test("a stop asks about the container only while the list still has it", async () => {
  await using docker = await fakeDocker();
  const { hooks } = await wholeAgent(docker);
  await pass(hooks, post("/containers/web/start"), () => (docker.containers = [running]));
  const started = docker.requests.length;
  // One that has not ended.
  await pass(hooks, post("/containers/web/kill?signal=HUP"));
  expect(docker.requests.slice(started)).toEqual(["GET /containers/json", `GET /containers/${id}/json`]);
  await pass(hooks, post("/containers/web/stop"), () => (docker.containers = []));
  expect(docker.requests.slice(started + 2)).toEqual(["GET /containers/json"]);
});

test("a call that changes neither containers nor ports asks for nothing", async () => {
  await using docker = await fakeDocker();
  const { hooks } = await wholeAgent(docker);
  const calls = ["/containers/create", "/containers/web/attach", "/containers/web/exec", "/exec/x/start", "/build"];
  for (const uri of calls) await pass(hooks, post(uri));
  await pass(hooks, { method: "GET", uri: "/containers/json", body: undefined });
  expect(docker.requests).toEqual([]);
});

test("a container that another one's id begins like is told apart by its name", async () => {
  await using docker = await fakeDocker();
  const { hooks } = await wholeAgent(docker);
  docker.inspected[other] = { ...web, Id: other, Name: "/b0" };
  docker.containers = [
    { ...running, Id: other, Names: ["/boat"], Ports: [] },
    { ...running, Names: ["/shop/db", "/b0"] },
  ];
  await pass(hooks, post("/containers/b0/kill"));
  // Once for what it was asked to be, once for how it is.
  expect(docker.requests).toEqual(["GET /containers/json", ...Array(2).fill(`GET /containers/${id}/json`)]);
});
