/** UDP ports of the host through a real gate: flows of clients, their answers, and their ends. */
import { afterEach, expect, jest, test } from "bun:test";
import { GatePool } from "../../../../src/host/gate/pool.ts";
import { DatagramReader } from "../../../../src/protocol/datagram.ts";
import { datagramClient, datagramServer, freePort } from "../../../support/datagrams.ts";
import { handGate, realGate } from "../../../support/gates.ts";
import { payload, receive, sumOf } from "../../../support/streams.ts";
import { hostSide, open } from "../../../support/udp-port.ts";

afterEach(() => void jest.useRealTimers());

test("two clients of one port are two flows, and each gets its own answers from the port", async () => {
  using server = await datagramServer((text, { port }) => Buffer.from(`${text.toString()} to ${port}`));
  using gate = realGate({ addressOf: () => server.address });
  using host = await hostSide(gate.key);
  using ann = await datagramClient();
  using bob = await datagramClient();
  await Promise.all([ann.ask("ann 1", host.port), bob.ask("bob 1", host.port)]);
  await bob.ask("bob 2", host.port);
  await ann.ask("ann 2", host.port);
  const callers = server.callers;
  expect(callers).toHaveLength(2);
  const [toAnn, toBob] = [ann, bob].map(({ heard }) => heard.map(({ payload }) => payload.toString().split(" to ")));
  expect([toAnn?.map(([text]) => text), toBob?.map(([text]) => text)]).toEqual([
    ["ann 1", "ann 2"],
    ["bob 1", "bob 2"],
  ]);
  const sources = [toAnn, toBob].map((told) => new Set(told?.map(([, source]) => Number(source))));
  expect(sources.map(({ size }) => size)).toEqual([1, 1]);
  expect(new Set(sources.flatMap((each) => [...each]))).toEqual(new Set(callers));
  expect([...ann.heard, ...bob.heard].map(({ from }) => from)).toEqual(Array.from({ length: 4 }, () => host.port));
  expect(host.counts).toEqual([1, 2]);
});

test("datagrams of every size come and go whole and apart, the empty one too", async () => {
  using server = await datagramServer();
  using gate = realGate({ addressOf: () => server.address });
  using host = await hostSide(gate.key);
  using client = await datagramClient();
  const sizes = [0, 1, 2, 255, 256, 257, 1472, 1473, 9000, 65_535 - 28, 0, 1];
  const back = [];
  for (const size of sizes) back.push(sumOf(await client.ask(payload(size), host.port)));
  expect(back).toEqual(sizes.map((size) => sumOf(payload(size))));
  expect(host.bytes).toBe(2 * sizes.reduce((sum, size) => sum + size));
});

test("a server may answer many times, later, or not at all", async () => {
  using server = await datagramServer((text) => (text.toString() === "quiet" ? undefined : text));
  using gate = realGate({ addressOf: () => server.address });
  using host = await hostSide(gate.key);
  using client = await datagramClient();
  client.send("quiet", host.port);
  for (let index = 0; index < 20; index += 1) client.send(`${index}`, host.port);
  await client.reached(20);
  expect(client.heard.map(({ payload }) => payload.toString())).toEqual(
    Array.from({ length: 20 }, (_, index) => `${index}`),
  );
});

test("a flow that is silent both ways ends, and the client's next datagram begins another", async () => {
  using server = await datagramServer();
  using gate = realGate({ addressOf: () => server.address });
  jest.useFakeTimers();
  using host = await hostSide(gate.key);
  using client = await datagramClient();
  await client.ask("one", host.port);
  jest.advanceTimersByTime(90_000);
  await host.counted(0);
  expect((await client.ask("two", host.port)).toString()).toBe("two");
  expect([server.callers.length, host.refusals]).toEqual([2, []]);
  jest.advanceTimersByTime(90_000);
  await host.counted(0);
});

test("a stranger in the guest who speaks to a flow is not heard", async () => {
  using stranger = await datagramClient();
  using server = await datagramServer((text, { port }) => {
    stranger.send("stranger", port);
    return text;
  });
  using gate = realGate({ addressOf: () => server.address });
  using host = await hostSide(gate.key);
  using client = await datagramClient();
  for (const text of ["one", "two", "three"]) await client.ask(text, host.port);
  expect(client.heard.map(({ payload }) => payload.toString())).toEqual(["one", "two", "three"]);
});

test("a port that the guest does not publish is told, and its flow ends", async () => {
  using gate = realGate({
    addressOf: () => {
      throw new Error("No container publishes udp port 53.");
    },
  });
  using host = await hostSide(gate.key);
  using client = await datagramClient();
  const refused = host.refused();
  client.send("?", host.port);
  expect(await refused).toBe("No container publishes udp port 53.");
  await host.counted(0);
  expect(host.refusals).toHaveLength(1);
});

test("a Unix socket behind a UDP port is refused", async () => {
  using gate = realGate({ addressOf: () => ({ unix: "/nowhere" }) });
  using host = await hostSide(gate.key);
  using client = await datagramClient();
  const refused = host.refused();
  client.send("?", host.port);
  expect(await refused).toBe("A Unix socket takes no datagrams here.");
});

test("while the guest cannot be reached a UDP client is told nothing, and the port why", async () => {
  using server = await datagramServer();
  using gate = realGate({ addressOf: () => server.address });
  using host = await hostSide(gate.key);
  using client = await datagramClient();
  const pool = new GatePool(gate.key);
  host.gateway.use(undefined);
  const refused = host.refused();
  client.send("lost", host.port);
  expect(await refused).toBe("The guest cannot be reached.");
  await host.counted(0);
  host.gateway.use(pool);
  expect((await client.ask("found", host.port)).toString()).toBe("found");
  expect(client.heard).toHaveLength(1);
  pool.close();
});

test("a server that is not there yet is spoken to by the same flow once it is", async () => {
  const port = await freePort();
  using gate = realGate({ addressOf: () => ({ hostname: "127.0.0.1", port }) });
  using host = await hostSide(gate.key);
  using client = await datagramClient();
  // Each is answered by the kernel (ICMP, port unreachable), which concerns that datagram alone.
  for (let index = 0; index < 5; index += 1) client.send("too early", host.port);
  await host.counted(1);
  using server = await datagramServer((text) => text, port);
  client.send("in time", host.port);
  const answer = await client.reached(1);
  expect(["too early", "in time"]).toContain(answer.toString());
  expect([server.callers.length, host.refusals, host.counts]).toEqual([1, [], [1]]);
});

test("a gate that answers nonsense is told, and its flow ends", async () => {
  for (const [nonsense, reason] of [
    ["{]\n", "The answer to an open request is not JSON."],
    ["x".repeat(24_833), "A message is longer than 24832 bytes."],
    ["\0\u0005hello\n", "The answer to an open request is not JSON."],
  ] as const) {
    using gate = handGate();
    using host = await hostSide(gate.key);
    using client = await datagramClient();
    await gate.proven(8);
    const refused = host.refused();
    client.send("?", host.port);
    for (const { connection } of gate.callers) {
      connection.amend({ onData: () => connection.write(nonsense) });
      connection.resume();
    }
    expect(await refused).toBe(reason);
    await host.counted(0);
  }
});

test("more datagrams than can wait for a flow are dropped, the first ones come in order", async () => {
  const door = Promise.withResolvers<void>();
  using gate = handGate(() => door.promise);
  using host = await hostSide(gate.key);
  const client = { hostname: "127.0.0.1", port: 9 };
  for (let index = 0; index < 100; index += 1) host.flows.take(Buffer.from(`${index}`), client);
  // Few large ones fill what may wait as well.
  const other = { hostname: "127.0.0.1", port: 10 };
  for (let index = 0; index < 5; index += 1) host.flows.take(payload(30_000), other);
  door.resolve();
  // The first two are kept for Docker.
  await gate.proven(4);
  const told = await Promise.all([firstFlow(gate.callers[2]), firstFlow(gate.callers[3])]);
  const waiting = Array.from({ length: 32 }, (_, index) => `${index}`);
  expect(told.toSorted((a, b) => b.length - a.length)).toEqual([waiting, ["30000 bytes", "30000 bytes"]]);
});

/** What one flow sends at first, as text; long datagrams by their length. */
async function firstFlow(caller: ReturnType<typeof handGate>["callers"][number] | undefined): Promise<string[]> {
  if (caller === undefined) throw new Error("nobody has called");
  expect(JSON.parse(await caller.lines.next())).toEqual(open);
  const reader = new DatagramReader();
  const datagrams: Buffer[] = [];
  const whole = Promise.withResolvers<void>();
  const keep = (bytes: Uint8Array): void => {
    datagrams.push(...reader.push(bytes).map((each) => Buffer.from(each)));
    const [first] = datagrams;
    if (datagrams.length >= (first !== undefined && first.length > 1000 ? 2 : 32)) whole.resolve();
  };
  keep(caller.lines.release());
  caller.connection.amend({ onData: keep });
  caller.connection.resume();
  await whole.promise;
  return datagrams.map((each) => (each.length > 1000 ? `${each.length} bytes` : each.toString()));
}

test("flows end when their port closes", async () => {
  using gate = handGate();
  using host = await hostSide(gate.key);
  using client = await datagramClient();
  await gate.proven(8);
  const closings = gate.callers.map(({ connection }) => receive(connection));
  for (const { connection } of gate.callers) connection.resume();
  client.send("hello", host.port);
  await Promise.race(closings.map((received) => received.reached(1)));
  const asked = closings.find(({ bytes }) => bytes > 0);
  host.flows.close();
  expect([await asked?.closed, host.counts]).toEqual(["ECONNRESET", [1, 0]]);
});

test("a flow that the guest ends begins anew with the next datagram", async () => {
  using server = await datagramServer();
  using gate = realGate({ addressOf: () => server.address });
  using host = await hostSide(gate.key);
  using client = await datagramClient();
  await client.ask("one", host.port);
  using next = realGate({ addressOf: () => server.address });
  const pool = new GatePool(next.key);
  gate[Symbol.dispose]();
  await host.counted(0);
  host.gateway.use(pool);
  expect((await client.ask("two", host.port)).toString()).toBe("two");
  expect(server.callers).toHaveLength(2);
  pool.close();
});
