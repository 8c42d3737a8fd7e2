/** Streams from a host listener through pool and gate to a real server, as users' bytes go. */
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDockerSocket } from "../../../../src/host/gate/docker-socket.ts";
import type { GateKey } from "../../../../src/host/gate/dial.ts";
import { Gateway } from "../../../../src/host/gate/gateway.ts";
import { GatePool } from "../../../../src/host/gate/pool.ts";
import { Forwards } from "../../../../src/host/ports/apply.ts";
import type { FailedPort, PublishedPort } from "../../../../src/protocol/messages.ts";
import type { Open } from "../../../../src/protocol/stream-request.ts";
import { type Address, connect, listen } from "../../../../src/system/net/connection.ts";
import { handGate, realGate } from "../../../support/gates.ts";
import {
  answerAtEnd,
  askToEnd,
  listenSomewhere,
  payload,
  receive,
  type Received,
  sumOf,
} from "../../../support/streams.ts";

const mebibyte = 1024 ** 2;

/** A port that is free now. */
function freePort(): number {
  const listener = listen({ hostname: "127.0.0.1", port: 0 }, () => {});
  listener.close();
  return listener.port;
}

function published(hostPort: number, hostIp = "127.0.0.1"): PublishedPort {
  return { protocol: "tcp", hostIp, hostPort, containerId: "c1", container: "web" };
}

/** The host's side: a pool on a gate, and the forwards in front of it. */
function hostSide(
  key: GateKey,
  patienceMs?: number,
): Disposable & { gateway: Gateway; pool: GatePool; forwards: Forwards } {
  const gateway = new Gateway(patienceMs);
  const pool = new GatePool(key);
  gateway.use(pool);
  const forwards = new Forwards(gateway, { bind: "loopback", deny: [] });
  return {
    gateway,
    pool,
    forwards,
    [Symbol.dispose]: () => {
      forwards.close();
      pool.close();
    },
  };
}

test("a published port carries 5 MB up, the end, and 3 MB down", async () => {
  const [up, down] = [payload(5 * mebibyte), payload(3 * mebibyte)];
  const heard = Promise.withResolvers<string>();
  await using server = await listenSomewhere("tcp", (connection) => {
    void answerAtEnd(connection, down, heard.resolve);
  });
  const opened: Open[] = [];
  using gate = realGate({
    addressOf: (open) => {
      opened.push(open);
      return server.address;
    },
  });
  using host = hostSide(gate.key);
  const port = freePort();
  await host.forwards.serve([published(port)]);
  const client = await connect({ hostname: "127.0.0.1", port });
  const received = await askToEnd(client, up);
  expect(await heard.promise).toBe(sumOf(up));
  expect(sumOf(received.whole)).toBe(sumOf(down));
  expect(opened).toEqual([{ open: "port", protocol: "tcp", hostIp: "127.0.0.1", hostPort: port }]);
  expect(host.forwards.all.map(({ bytes, error }) => [bytes, error])).toEqual([[8 * mebibyte, undefined]]);
});

test("500 requests at once are all answered", async () => {
  using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => new Response(new URL(request.url).pathname),
  });
  const target: Address = { hostname: "127.0.0.1", port: server.port ?? 0 };
  using gate = realGate({ addressOf: () => target });
  using host = hostSide(gate.key);
  const port = freePort();
  await host.forwards.serve([published(port)]);
  // Connections of its own, since a client's pool would hold most of them back.
  const answers = await Promise.all(
    Array.from({ length: 500 }, async (_, index) => {
      const client = await connect({ hostname: "127.0.0.1", port });
      const received = receive(client);
      client.write(`GET /${index} HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n`);
      await received.ended;
      client.end();
      return received.whole.toString().split("\r\n\r\n")[1];
    }),
  );
  expect(answers).toEqual(Array.from({ length: 500 }, (_, index) => `/${index}`));
  expect(host.forwards.all[0]?.error).toBeUndefined();
});

test("a stream that the guest refuses resets its client, and the forward says why", async () => {
  using gate = realGate({
    addressOf: () => {
      throw new Error("No container publishes tcp port 80.");
    },
  });
  using host = hostSide(gate.key);
  const port = freePort();
  await host.forwards.serve([published(port)]);
  const client = await connect({ hostname: "127.0.0.1", port });
  const received = receive(client);
  client.write("GET / HTTP/1.1\r\n\r\n");
  expect([await received.closed, received.bytes]).toEqual(["ECONNRESET", 0]);
  expect(host.forwards.all.map(({ error, connections }) => [error, connections])).toEqual([
    ["No container publishes tcp port 80.", 0],
  ]);
});

test("a server that is not there is refused with the system's word for it", async () => {
  const nowhere = freePort();
  using gate = realGate({ addressOf: () => ({ hostname: "127.0.0.1", port: nowhere }) });
  using host = hostSide(gate.key);
  const port = freePort();
  await host.forwards.serve([published(port)]);
  expect(await receive(await connect({ hostname: "127.0.0.1", port })).closed).toBe("ECONNRESET");
  expect(host.forwards.all[0]?.error).toMatch(/connect/i);
});

test("a server that resets resets the client, and the other way round", async () => {
  const served = Promise.withResolvers<string | undefined>();
  let count = 0;
  await using server = await listenSomewhere("tcp", (connection) => {
    const received = receive(connection);
    connection.write("hello");
    count += 1;
    if (count === 1) void received.reached(1).then(() => connection.reset());
    else void received.closed.then(served.resolve);
  });
  using gate = realGate({ addressOf: () => server.address });
  using host = hostSide(gate.key);
  const port = freePort();
  await host.forwards.serve([published(port)]);
  const first = await connect({ hostname: "127.0.0.1", port });
  const received = receive(first);
  await received.reached(5);
  first.write("x");
  expect(await received.closed).toBe("ECONNRESET");
  const second = await connect({ hostname: "127.0.0.1", port });
  await receive(second).reached(5);
  second.reset();
  expect(await served.promise).toBe("ECONNRESET");
});

test("clients of a gate that was lost wait for the next one, and after a while are reset at once", async () => {
  await using server = await listenSomewhere("tcp", (connection) => {
    connection.amend({ onData: (bytes) => void connection.write(bytes) });
  });
  using gate = realGate({ addressOf: () => server.address });
  using host = hostSide(gate.key, 50);
  const port = freePort();
  await host.forwards.serve([published(port)]);
  const ask = async (): Promise<Received> => {
    const client = await connect({ hostname: "127.0.0.1", port });
    client.write("hello");
    return receive(client);
  };
  host.gateway.use(undefined);
  const late = await ask();
  host.gateway.use(host.pool);
  await late.reached(5);
  host.gateway.use(undefined);
  // The first one waits until the patience is over; who comes later does not wait.
  for (let count = 0; count < 2; count += 1) expect(await (await ask()).closed).toBe("ECONNRESET");
  expect(host.forwards.all[0]?.error).toBe("The guest cannot be reached.");
  host.gateway.use(host.pool);
  await (await ask()).reached(5);
});

test("clients that wait for a connection of a pool that is lost get one of the next pool", async () => {
  await using server = await listenSomewhere("tcp", (connection) => {
    connection.amend({ onData: (bytes) => void connection.write(bytes) });
  });
  // A gate that lets nobody in, as that of an agent that dies.
  using dead = handGate(() => new Promise(() => {}));
  const lost = new GatePool(dead.key);
  using gate = realGate({ addressOf: () => server.address });
  using host = hostSide(gate.key);
  host.gateway.use(lost);
  const waiting = host.gateway.take();
  lost.close();
  host.gateway.use(undefined);
  host.gateway.use(host.pool);
  const { connection } = await waiting;
  expect(connection.isClosed).toBe(false);
  connection.reset();
});

test("a stream goes on when its port is not published any more, and its listener is gone", async () => {
  await using server = await listenSomewhere("tcp", (connection) => {
    connection.amend({ onData: (bytes) => void connection.write(bytes) });
  });
  using gate = realGate({ addressOf: () => server.address });
  using host = hostSide(gate.key);
  const port = freePort();
  await host.forwards.serve([published(port)]);
  const client = await connect({ hostname: "127.0.0.1", port });
  const received = receive(client);
  client.write("one");
  await received.reached(3);
  await host.forwards.serve([]);
  client.write("two");
  await received.reached(6);
  expect(received.whole.toString()).toBe("onetwo");
  expect(host.forwards.all).toEqual([]);
  expect(await connect({ hostname: "127.0.0.1", port }).catch(() => "refused")).toBe("refused");
});

test("a port that is taken stops no other, and is opened with the next report once it is free", async () => {
  using gate = realGate();
  using host = hostSide(gate.key);
  await using other = await listenSomewhere("tcp", () => {});
  const taken = other.listener.port;
  const free = freePort();
  const report = [published(taken), published(free), { ...published(free), protocol: "sctp" as const }];
  const sctp: FailedPort = {
    protocol: "sctp",
    hostIp: "127.0.0.1",
    hostPort: free,
    reason: `Port ${free} on 127.0.0.1 cannot be opened: SCTP cannot be forwarded: the way between host and guest carries TCP and UDP.`,
  };
  const owner = "another user's process";
  expect(await host.forwards.serve(report)).toEqual([
    { ...sctp, protocol: "tcp", hostPort: taken, reason: `Port ${taken} on 127.0.0.1 is taken by ${owner}.` },
    sctp,
  ]);
  const states = (): unknown =>
    host.forwards.all.map(({ protocol, hostPort, listener, error }) => [
      protocol,
      hostPort === taken ? "taken" : "free",
      listener === undefined ? "closed" : "open",
      error?.replace(`${hostPort}`, "N"),
    ]);
  expect(states()).toEqual([
    ["tcp", "taken", "closed", `Port N on 127.0.0.1 is taken by ${owner}.`],
    ["tcp", "free", "open", undefined],
    ["sctp", "free", "closed", sctp.reason.replace(`${free}`, "N")],
  ]);
  other.listener.close();
  expect(await host.forwards.serve(report)).toEqual([sctp]);
  // What is open stays where it is in the list; what was tried again comes behind it.
  expect(host.forwards.all.map(({ hostPort, error }) => [hostPort === taken, error])).toEqual([
    [false, undefined],
    [true, undefined],
    [false, sctp.reason],
  ]);
});

test("the Docker socket is the guest's, also where a killed supervisor left its own", async () => {
  const folder = await mkdtemp(join(tmpdir(), "qn-"));
  try {
    const path = join(folder, "docker.sock");
    await Bun.write(path, "left behind");
    await using docker = await listenSomewhere("unix", (connection) => connection.write("docker"));
    const opened: Open[] = [];
    using gate = realGate({
      addressOf: (open) => {
        opened.push(open);
        return docker.address;
      },
    });
    using host = hostSide(gate.key, 0);
    const refusals: string[] = [];
    const listener = openDockerSocket(path, host.gateway, (reason) => refusals.push(reason));
    const client = await connect({ unix: path });
    const received = receive(client);
    await received.reached(6);
    host.gateway.use(undefined);
    await receive(await connect({ unix: path })).ended;
    listener.closeAll();
    expect([received.whole.toString(), opened, refusals]).toEqual([
      "docker",
      [{ open: "docker" }],
      ["The guest cannot be reached."],
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
