/** What is done about ports before an answer leaves: the host's word comes first, and what it cannot serve does not run. */
import { expect, test } from "bun:test";
import { failureOf } from "../../../support/failures.ts";
import type { ServedPort } from "../../../../src/agent/ports/published.ts";
import { port, post, running, scene, taken, web } from "../../../support/hook-scene.ts";

test("the answer to a start leaves when the ports that Docker chose are listened on too", async () => {
  const chosen = { ...running, hostPort: 49_153, target: { hostname: "172.17.0.2", port: 81 } };
  const { hooks, table, events } = scene({ list: async () => [running, chosen] });
  const request = post("/v1.45/containers/web/start");
  await hooks.beforeRequest(request);
  await hooks.beforeAnswer?.(request);
  expect(events).toEqual(["details web", "report choosing any:8080", "list", "report 0.0.0.0:8080 0.0.0.0:49153"]);
  expect(table.wanted.map(({ hostPort }) => hostPort)).toEqual([8080, 49_153]);
});

test("a start that Docker refuses after all lets its ports go", async () => {
  const { hooks, table, events } = scene();
  await hooks.beforeRequest(post("/containers/web/start"));
  await hooks.beforeAnswer?.(post("/containers/web/start"));
  expect([events.at(-1), table.wanted]).toEqual(["report none", []]);
});

test("the answer to a stop leaves when the host has let go of the ports", async () => {
  const { hooks, table, events } = scene();
  table.setPublished([running]);
  const request = post("/containers/web/stop");
  await hooks.beforeRequest(request);
  expect(events).toEqual([]);
  await hooks.beforeAnswer?.(request);
  expect([events, table.wanted]).toEqual([["list", "report none"], []]);
});

test("the answer to a stop waits for Docker's list to know that the container has ended", async () => {
  const lists = [[running], []];
  const { hooks, events, table } = scene({
    list: async () => lists.shift() ?? [],
    details: async () => ({ ...web, State: { Running: false } }),
    deadlineMs: 5_000,
  });
  await hooks.beforeAnswer?.(post("/containers/web/stop"));
  expect([events, table.wanted]).toEqual([["list", "details f00d", "list", "report none"], []]);
});

test("an answer tells what the host cannot serve, and leaves in any case", async () => {
  const { hooks, troubles } = scene({ host: () => [taken(8080), taken(9090)] });
  await hooks.beforeAnswer?.(post("/containers/web/stop"));
  expect(troubles).toEqual([taken(8080).reason, taken(9090).reason]);
});

test("a list that fails or never comes holds no answer for long, and a start's ports stay until there is one", async () => {
  const never = Promise.withResolvers<never>().promise;
  for (const [list, reason] of [
    [async () => Promise.reject(new Error("gone")), "Error: gone"],
    [async () => await never, "Error: Docker does not answer."],
  ] as const) {
    const { hooks, table, troubles } = scene({ list });
    table.ask("web", [port]);
    await hooks.beforeAnswer?.(post("/containers/web/start"));
    expect([table.wanted, troubles]).toEqual([[port], [`cannot list containers: ${reason}`]]);
    table.setPublished([]);
    expect(table.wanted).toEqual([]);
  }
});

test("a start is not refused for a port that the container's program listens on by itself in the guest's network", async () => {
  const { hooks, table, events, troubles } = scene({ host: () => [taken(8080, "0.0.0.0")] });
  table.setPublished([running], "listen");
  await hooks.beforeAnswer?.(post("/containers/web/start"));
  expect(events.filter((event) => event.startsWith("kill"))).toEqual([]);
  expect(troubles).toEqual([taken(8080, "0.0.0.0").reason]);
});

const chosen: ServedPort = { ...running, hostPort: 20_480, target: { hostname: "172.17.0.2", port: 81 } };

test("a port that Docker chose and the host cannot give ends the container, and the start fails with the reason", async () => {
  const lists = [[chosen], []];
  const { hooks, table, events } = scene({
    host: (ports) => ports.filter(({ hostPort }) => hostPort === 20_480).map(() => taken(20_480, "0.0.0.0")),
    list: async () => lists.shift() ?? [],
  });
  expect(await failureOf(async () => await hooks.beforeAnswer?.(post("/containers/web/start")))).toEqual({
    code: "PORT_TAKEN",
    message:
      "Port 20480 on 127.0.0.1 is taken by nginx (pid 7). The container is stopped; `docker start` lets Docker choose again.",
  });
  expect(events.slice(-3)).toEqual(["kill f00d", "list", "report none"]);
  expect(table.wanted).toEqual([]);
});

test("a container that cannot be ended is told of, and the start fails all the same", async () => {
  const { hooks, troubles } = scene({
    host: () => [taken(20_480, "0.0.0.0")],
    list: async () => [chosen],
    kill: async () => Promise.reject(new Error("no answer")),
  });
  expect((await failureOf(async () => await hooks.beforeAnswer?.(post("/containers/web/start")))).code).toBe(
    "PORT_TAKEN",
  );
  expect(troubles.at(-1)).toBe("cannot end f00d: no answer");
});

test("a failure of another container's port ends nobody at a start", async () => {
  const { hooks, events } = scene({ host: () => [taken(9090)], list: async () => [running] });
  await hooks.beforeAnswer?.(post("/containers/web/start"));
  expect(events.filter((event) => event.startsWith("kill"))).toEqual([]);
});

test("an answer of which nothing is known lists and reports anew before it leaves", async () => {
  const { hooks, events } = scene({ list: async () => [running] });
  await hooks.beforeLostAnswer?.();
  expect(events).toEqual(["list", "report 0.0.0.0:8080"]);
});

test("of many ports that are refused the first are told, and how many more there are", async () => {
  const hostPorts = Array.from({ length: 500 }, (_, index) => 9_000 + index);
  const PortBindings = { "80/tcp": hostPorts.map((each) => ({ HostIp: "", HostPort: `${each}` })) };
  const { hooks } = scene({
    host: (ports) => ports.map(({ hostPort }) => taken(hostPort)),
    details: async () => ({ ...web, HostConfig: { ...web.HostConfig, PortBindings } }),
  });
  const { message } = await failureOf(() => hooks.beforeRequest(post("/containers/web/start")));
  const told = hostPorts.slice(0, 8).map((each) => taken(each).reason);
  expect(message).toBe([...told, "492 more ports have failed."].join(" "));
});

test("a container that Docker does not know, or says nothing about, is Docker's to refuse", async () => {
  const unknown = scene();
  await unknown.hooks.beforeRequest(post("/containers/nobody/start"));
  expect([unknown.events, unknown.table.wanted]).toEqual([["details nobody"], []]);
  const silent = scene({ details: () => Promise.withResolvers<never>().promise });
  await silent.hooks.beforeRequest(post("/containers/web/start"));
  expect([silent.events, silent.table.wanted]).toEqual([["details web"], []]);
});

test("a container that names no host port starts without a question to the host", async () => {
  const { hooks, table, events } = scene({
    details: async () => ({ ...web, HostConfig: { ...web.HostConfig, NetworkMode: "host" } }),
  });
  await hooks.beforeRequest(post("/containers/web/start"));
  expect([events, table.wanted]).toEqual([["details web"], []]);
});

test("nothing is done for all other calls", async () => {
  const { hooks, events } = scene();
  const calls = [
    { method: "GET", uri: "/v1.45/containers/json", body: undefined },
    post("/containers/create?name=web"),
    post("/containers/web/exec"),
    post("/exec/f00d/start"),
    post("/images/create?fromImage=web"),
    post("/containers/%zz/start"),
    post(""),
  ];
  for (const call of calls) {
    await hooks.beforeRequest(call);
    await hooks.beforeAnswer?.(call);
  }
  expect(events).toEqual([]);
});
