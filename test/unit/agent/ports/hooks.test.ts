/** What is done about ports before a request goes on: the host's word comes before a container starts. */
import { expect, test } from "bun:test";
import { failureOf } from "../../../support/failures.ts";
import { port, post, scene, taken, web } from "../../../support/hook-scene.ts";

/** As a start under way asks for it. */
const asked = { ...port, asked: true };

test("a container starts when the host listens on the ports that it names, and has said which Docker must not choose", async () => {
  const { hooks, table, events, troubles } = scene();
  await hooks.beforeRequest(post("/v1.45/containers/web/start"));
  expect([events, table.wanted, troubles]).toEqual([["details web", "report choosing any:8080"], [asked], []]);
});

test("a port that is taken on the host refuses the start with the host's words, and is let go of", async () => {
  const { hooks, table, events } = scene({ host: (ports) => (ports.length > 0 ? [taken(8080)] : []) });
  expect(await failureOf(() => hooks.beforeRequest(post("/containers/web/start")))).toEqual({
    code: "PORT_TAKEN",
    message: "Port 8080 on 127.0.0.1 is taken by nginx (pid 7).",
  });
  expect([events, table.wanted]).toEqual([["details web", "report choosing any:8080", "report none"], []]);
});

test("a container of docker run --rm whose start is refused is removed, since its client waits for that", async () => {
  const HostConfig = { ...web.HostConfig, AutoRemove: true };
  const removed = async (State: { Running: boolean }): Promise<boolean> => {
    const { hooks, events } = scene({
      host: (ports) => (ports.length > 0 ? [taken(8080)] : []),
      details: async () => ({ ...web, State, HostConfig }),
    });
    expect((await failureOf(() => hooks.beforeRequest(post("/containers/web/start")))).code).toBe("PORT_TAKEN");
    return events.includes("remove f00d");
  };
  expect([await removed({ Running: false }), await removed({ Running: true })]).toEqual([true, false]);
});

test("a port that fails on both families refuses once, and one of another container refuses nobody", async () => {
  const both = [taken(8080), { ...taken(8080), reason: "Port 8080 on ::1 is taken by nginx (pid 7)." }];
  const { hooks } = scene({ host: () => [taken(9090), ...both] });
  expect((await failureOf(() => hooks.beforeRequest(post("/containers/web/start")))).message).toBe(
    "Port 8080 on 127.0.0.1 is taken by nginx (pid 7).",
  );
  const other = scene({ host: () => [taken(9090), taken(8080, "192.0.2.7"), { ...taken(8080), protocol: "udp" }] });
  await other.hooks.beforeRequest(post("/containers/web/start"));
  expect([other.table.wanted, other.troubles]).toEqual([[asked], []]);
});

test("every port that is refused is told", async () => {
  const PortBindings = { "80/tcp": ["8080", "8081"].map((HostPort) => ({ HostIp: "", HostPort })) };
  const { hooks } = scene({
    host: () => [taken(8080), taken(8081)],
    details: async () => ({ ...web, HostConfig: { ...web.HostConfig, PortBindings } }),
  });
  expect((await failureOf(() => hooks.beforeRequest(post("/containers/web/start")))).message).toBe(
    "Port 8080 on 127.0.0.1 is taken by nginx (pid 7). Port 8081 on 127.0.0.1 is taken by nginx (pid 7).",
  );
});

for (const host of ["late", "away"] as const) {
  test(`a host that is ${host} holds no container up for long, and its ports follow`, async () => {
    const { hooks, table, troubles } = scene({ host: () => host });
    await hooks.beforeRequest(post("/containers/web/start"));
    expect([table.wanted, troubles]).toEqual([
      [asked],
      ["the ports of web are not open yet, and it starts nevertheless"],
    ]);
  });
}
