/** Garbage at the doors of the agent: the plugin's socket and the gate's UDP streams. Nothing opens, nothing breaks. */
import { expect, test } from "bun:test";
import { randomBytes, randomInt } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PortTable } from "../../../../src/agent/ports/port-table.ts";
import { portHooks } from "../../../../src/agent/ports/hooks.ts";
import { Containers } from "../../../../src/agent/docker/containers.ts";
import { inOrder } from "../../../../src/agent/docker/hooks.ts";
import { servePlugin } from "../../../../src/agent/docker/plugin.ts";
import { dial, type Proven } from "../../../../src/host/gate/dial.ts";
import { encodeDatagram } from "../../../../src/protocol/datagram.ts";
import { encode } from "../../../../src/protocol/frame.ts";
import type { PublishedPort } from "../../../../src/protocol/messages.ts";
import { connect } from "../../../../src/system/net/connection.ts";
import { listenForDatagrams, type Peer } from "../../../../src/system/net/datagrams.ts";
import { dockerApi } from "../../../../src/system/docker-api.ts";
import { datagramServer } from "../../../support/datagrams.ts";
import { fakeDocker } from "../../../support/fake-docker.ts";
import { realGate, type TestGate } from "../../../support/gates.ts";
import { receive } from "../../../support/streams.ts";

type Plugin = AsyncDisposable & {
  readonly socketPath: string;
  /** Every report to the host. */
  readonly reports: (readonly PublishedPort[])[];
  readonly troubles: string[];
  /** How often the containers were listed. */
  lists: number;
  /** Asks as dockerd does; the status and the answer. */
  ask(path: string, body: string | Uint8Array): Promise<readonly [number, unknown]>;
};

/** The plugin as the agent serves it, beside a Docker that has the container "odd" of a kind that nobody knows. */
async function portsPlugin(): Promise<Plugin> {
  const folder = await mkdtemp(join(tmpdir(), "qn-plugin-"));
  const socketPath = join(folder, "qn.sock");
  const docker = await fakeDocker();
  docker.inspected["odd"] = { Id: 7, HostConfig: [] };
  const api = dockerApi(docker.socketPath);
  const reports: Plugin["reports"] = [];
  const table = new PortTable((ports) => void reports.push(ports));
  const it: Plugin = {
    socketPath,
    reports,
    troubles: [],
    lists: 0,
    async ask(path, body) {
      const answer = await fetch(`http://plugin${path}`, { unix: socketPath, method: "POST", body });
      const text = await answer.text();
      return [answer.status, JSON.parse(text)];
    },
    async [Symbol.asyncDispose]() {
      await served.close();
      await docker[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
  const served = await servePlugin(
    socketPath,
    inOrder([
      portHooks({
        table,
        containers: new Containers(api),
        async refresh() {
          it.lists += 1;
        },
        kill: (id) => api.kill(id),
        remove: (id) => api.remove(id),
        onTrouble: (text) => it.troubles.push(text),
      }),
    ]),
  );
  return it;
}

/** That the plugin still answers, and that nothing was opened. */
async function expectUnharmed(it: Plugin): Promise<void> {
  expect([it.reports.flat(), it.troubles]).toEqual([[], []]);
  expect(await it.ask("/Plugin.Activate", "")).toEqual([200, { Implements: ["authz"] }]);
}

const requestPath = "/AuthZPlugin.AuthZReq";
const answerPath = "/AuthZPlugin.AuthZRes";

test("questions about calls that chance makes up are all answered, and open nothing", async () => {
  await using it = await portsPlugin();
  const methods = ["GET", "POST", "DELETE", "post", "", "\0", "PRI"];
  const words = ["containers", "networks", "web", "odd", "start", "stop", "constructor", "__proto__", "..", "%00", ""];
  const pick = (from: readonly string[]): string => from[randomInt(from.length)] ?? "";
  for (let index = 0; index < 400; index += 1) {
    const path = Array.from({ length: randomInt(6) }, () => pick(words)).join("/");
    const RequestUri = index % 5 === 0 ? randomBytes(randomInt(40)).toString("latin1") : `/v1.45/${path}`;
    const RequestBody = randomBytes(randomInt(60)).toString("base64");
    const question = JSON.stringify({ RequestMethod: pick(methods), RequestUri, RequestBody });
    expect([question, await it.ask(index % 2 === 0 ? requestPath : answerPath, question)]).toEqual([
      question,
      [200, { Allow: true }],
    ]);
  }
  await expectUnharmed(it);
});

test("questions that are no questions are refused, each by itself", async () => {
  await using it = await portsPlugin();
  const questions: readonly (string | Uint8Array)[] = [
    " ",
    "null",
    "[]",
    "{",
    "7",
    '{"RequestMethod":7,"RequestUri":[]}',
    '{"__proto__":{"RequestMethod":"POST","RequestUri":"/containers/web/start"}}',
    `{"RequestMethod":"POST","RequestUri":"/containers/web/start","RequestBody":{}}`,
    "[".repeat(100_000),
    randomBytes(10_000),
  ];
  for (const question of questions) {
    const [status, answer] = await it.ask(requestPath, question);
    expect([status, answer]).toEqual([200, { Allow: false, Msg: expect.any(String) }]);
  }
  expect(it.lists).toBe(0);
  await expectUnharmed(it);
});

test("a container that Docker does not know, or describes in a way that nobody knows, opens nothing", async () => {
  await using it = await portsPlugin();
  for (const id of ["nobody", "odd", "..%2F..%2Finfo", "%00", "a%20b", "x".repeat(3000)]) {
    const question = JSON.stringify({ RequestMethod: "POST", RequestUri: `/containers/${id}/start` });
    expect(await it.ask(requestPath, question)).toEqual([200, { Allow: true }]);
  }
  await expectUnharmed(it);
});

test("bytes that are no HTTP at the plugin's socket end themselves alone", async () => {
  await using it = await portsPlugin();
  for (let index = 0; index < 60; index += 1) {
    const connection = await connect({ unix: it.socketPath });
    const { ended } = receive(connection);
    const garbage = randomBytes(1 + randomInt(500));
    const cut = `POST ${requestPath} HTTP/1.1\r\nHost: \r\nContent-Length: 900\r\n\r\n{"RequestMethod":"POST",`;
    connection.write(index % 3 === 0 ? cut : garbage);
    if (index % 2 === 0) connection.reset();
    else connection.end();
    if (index % 2 === 0) await ended;
  }
  await expectUnharmed(it);
});

const open = { open: "port", protocol: "udp", hostIp: "0.0.0.0", hostPort: 53 } as const;

/** A stream of the gate that has become a flow. */
async function flowThrough(gate: TestGate, behind: Uint8Array = new Uint8Array()): Promise<Proven> {
  const proven = await dial(gate.key);
  proven.connection.write(Buffer.concat([Buffer.from(encode(open)), behind]));
  expect(await proven.lines.next()).toBe('{"ok":true}');
  return proven;
}

/** That a new flow still carries a datagram there and back. */
async function expectFlow(gate: TestGate): Promise<void> {
  const { connection, lines } = await flowThrough(gate, encodeDatagram(Buffer.from("alive\n")));
  expect(await lines.next()).toBe("\0\u0006alive");
  connection.reset();
}

test("bytes that chance makes up in a flow reach its container alone, as datagrams or not at all", async () => {
  let longest = 0;
  using server = await datagramServer((payload) => {
    longest = Math.max(longest, payload.length);
    return payload.toString() === "alive\n" ? payload : undefined;
  });
  const asked: unknown[] = [];
  using gate = realGate({
    addressOf: (request) => {
      asked.push(request);
      return server.address;
    },
  });
  for (let index = 0; index < 40; index += 1) {
    const { connection, lines } = await flowThrough(gate, randomBytes(index));
    lines.release();
    const { closed } = receive(connection);
    connection.resume();
    for (let piece = 0; piece < 8; piece += 1) connection.write(randomBytes(1 + randomInt(4000)));
    if (index % 2 === 0) connection.end();
    else connection.reset();
    if (index % 2 === 0) await closed;
  }
  await expectFlow(gate);
  expect(asked).toEqual(Array.from({ length: 41 }, () => open));
  expect(longest).toBeLessThanOrEqual(65_507);
});

test("a datagram that is too long for UDP is lost, and the next one comes", async () => {
  using server = await datagramServer();
  using gate = realGate({ addressOf: () => server.address });
  const { connection, lines } = await flowThrough(gate);
  for (const bytes of [65_508, 65_535]) connection.write(encodeDatagram(Buffer.alloc(bytes, "x")));
  connection.write(encodeDatagram(Buffer.from("next\n")));
  expect(await lines.next()).toBe("\0\u0005next");
  connection.reset();
});

test("half a datagram is never sent, and its flow ends with its caller", async () => {
  const heard: string[] = [];
  using server = await datagramServer((payload) => {
    heard.push(payload.toString());
    return payload;
  });
  using gate = realGate({ addressOf: () => server.address });
  const whole = encodeDatagram(Buffer.from("whole"));
  for (let cut = 0; cut < whole.length; cut += 1) {
    const { connection, lines } = await flowThrough(gate, whole.subarray(0, cut));
    lines.release();
    const { closed } = receive(connection);
    connection.resume();
    connection.end();
    await closed;
  }
  await expectFlow(gate);
  expect(heard).toEqual(["alive\n"]);
});

test("a flow's socket in the guest goes away with its caller", async () => {
  using server = await datagramServer();
  using gate = realGate({ addressOf: () => server.address });
  for (const end of ["end", "reset"] as const) {
    const { connection, lines } = await flowThrough(gate, encodeDatagram(Buffer.from("one\n")));
    expect(await lines.next()).toBe("\0\u0004one");
    const port = server.callers.at(-1) ?? 0;
    const bind = () => listenForDatagrams({ hostname: "127.0.0.1", port }, () => {});
    expect(await bind().catch((error: { code: string }) => error.code)).toBe("EADDRINUSE");
    connection[end]();
    // The gate has heard of it by the time that another flow has come and gone.
    await expectFlow(gate);
    (await bind()).close();
  }
});

test("a caller that takes no answers costs no memory: what it does not take is lost", async () => {
  const large = Buffer.alloc(60_000, "x");
  const answers = 800;
  const flow = Promise.withResolvers<Peer>();
  const server = await listenForDatagrams({ hostname: "127.0.0.1", port: 0 }, (_payload, caller) => {
    flow.resolve(caller);
  });
  using gate = realGate({ addressOf: () => ({ hostname: "127.0.0.1", port: server.port }) });
  const { connection, lines } = await flowThrough(gate, encodeDatagram(Buffer.from("?")));
  lines.release();
  const caller = await flow.promise;
  for (let index = 0; index < answers; index += 1) {
    server.send(large, caller);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const received = receive(connection);
  connection.resume();
  // Once it takes answers again, it gets those that come then.
  while (received.chunks.at(-1)?.includes(0x21) !== true) {
    server.send(Buffer.from("!"), caller);
    await new Promise((resolve) => setImmediate(resolve));
  }
  server.close();
  connection.end();
  await received.closed;
  // The kernel's own buffers take some megabytes of the 48.
  expect(received.bytes).toBeGreaterThan(large.length);
  expect(received.bytes).toBeLessThan((answers * large.length) / 2);
});
