/** The port table: what is reported to the host, and who waits for its answer. */
import { expect, test } from "bun:test";
import { PortTable } from "../../../../src/agent/ports/port-table.ts";
import { keyOf, type ServedPort } from "../../../../src/agent/ports/published.ts";
import { encode } from "../../../../src/protocol/frame.ts";
import { parseAgentMessage, type PublishedPort } from "../../../../src/protocol/messages.ts";

function port(hostPort: number, changes: Partial<PublishedPort> = {}): PublishedPort {
  return { protocol: "tcp", hostIp: "127.0.0.1", hostPort, containerId: "f00d", container: "web", ...changes };
}

function served(hostPort: number, changes: Partial<PublishedPort> = {}): ServedPort {
  return { ...port(hostPort, changes), target: { hostname: "172.17.0.2", port: 80 } };
}

/** A table whose reports are kept; they are numbered from 1 while a host is linked. */
function tableOf({ isLinked = true } = {}): { table: PortTable; reports: (readonly PublishedPort[])[] } {
  const reports: (readonly PublishedPort[])[] = [];
  const table = new PortTable((ports) => {
    reports.push(ports);
    return isLinked ? reports.length : undefined;
  });
  return { table, reports };
}

test("a report has what is published, and behind it what starting containers ask for", () => {
  const { table, reports } = tableOf();
  table.publish();
  table.ask("db", [port(5432, { container: "db" })]);
  table.setPublished([served(8080), served(8081)]);
  table.publish();
  expect(reports).toEqual([[], [port(8080), port(8081), port(5432, { container: "db" })]]);
});

test("a port is starting for two seconds after its container began to publish it, and again for the next container", () => {
  let nowMs = 0;
  const table = new PortTable(
    () => undefined,
    undefined,
    () => nowMs,
  );
  const isStarting = (...ports: readonly number[]): boolean[] => ports.map((each) => table.isStarting(port(each)));
  table.setPublished([served(8080)]);
  nowMs = 1_999;
  table.setPublished([served(8080), served(8081)]);
  expect(isStarting(8080, 8081, 8082)).toEqual([true, true, false]);
  nowMs = 2_000;
  expect(isStarting(8080, 8081)).toEqual([false, true]);
  table.setPublished([served(8080, { containerId: "beef" })]);
  expect(isStarting(8080, 8081)).toEqual([true, false]);
  nowMs = 4_000;
  table.setPublished([]);
  table.setPublished([served(8080, { containerId: "beef" })]);
  expect(isStarting(8080)).toEqual([true]);
});

test("a port that is published and asked for is reported once, as it is published", () => {
  const { table } = tableOf();
  table.setPublished([served(8080, { container: "old" })]);
  table.ask("web", [port(8080), port(8081), port(8080, { protocol: "udp" }), port(8080, { hostIp: "::1" })]);
  expect(table.wanted).toEqual([
    port(8080, { container: "old" }),
    port(8081),
    port(8080, { protocol: "udp" }),
    port(8080, { hostIp: "::1" }),
  ]);
});

test("what a container asks for is forgotten with it, with a new question, and with its daemon", () => {
  const { table } = tableOf();
  table.ask("web", [port(1)]);
  table.ask("db", [port(2)]);
  table.drop("web");
  table.drop("nobody");
  const kept = [table.wanted];
  table.ask("db", [port(3)]);
  kept.push(table.wanted);
  table.setPublished([served(4)]);
  table.dropAll();
  kept.push(table.wanted);
  expect(kept).toEqual([[port(2)], [port(3)], [port(4)]]);
});

test("a published port is found by protocol, address and number, one that is only asked for is not", () => {
  const { table } = tableOf();
  table.setPublished([served(8080)]);
  table.ask("web", [port(8081)]);
  const sought = [port(8080), port(8080, { protocol: "udp" }), port(8080, { hostIp: "::1" }), port(8081)];
  expect(sought.map((one) => [keyOf(one), table.find(one)?.hostname])).toEqual([
    ["tcp 127.0.0.1 8080", "172.17.0.2"],
    ["udp 127.0.0.1 8080", undefined],
    ["tcp ::1 8080", undefined],
    ["tcp 127.0.0.1 8081", undefined],
  ]);
  table.setPublished([]);
  expect(table.find(port(8080))).toBeUndefined();
});

test("nobody waits for a host that is not linked", async () => {
  const { table, reports } = tableOf({ isLinked: false });
  table.setPublished([served(8080)]);
  expect([await table.publishAndWait(60_000), reports]).toEqual([undefined, [[port(8080)]]]);
});

test("whoever waits gets the answer to its own report or a later one, never to an earlier one", async () => {
  const { table } = tableOf();
  const failed = [{ protocol: "tcp", hostIp: "127.0.0.1", hostPort: 80, reason: "Port 80 is taken." }] as const;
  const order: string[] = [];
  const waiting = [1, 2, 3].map(async (number) => {
    const outcome = await table.publishAndWait(60_000);
    order.push(`${number}: ${outcome?.length} failed`);
  });
  table.onServed(0, failed);
  table.onServed(1, []);
  await waiting[0];
  expect(order).toEqual(["1: 0 failed"]);
  table.onServed(3, failed);
  await Promise.all(waiting);
  // Nobody waits any more: an answer that is doubled does nothing.
  table.onServed(3, []);
  expect(order).toEqual(["1: 0 failed", "2: 1 failed", "3: 1 failed"]);
});

test("a host that does not answer in time is not waited for any longer, and its late answer does no harm", async () => {
  const { table } = tableOf();
  expect(await table.publishAndWait(5)).toBeUndefined();
  table.onServed(1, []);
  const next = table.publishAndWait(60_000);
  table.onServed(2, []);
  expect(await next).toEqual([]);
});

test("a name of any length and any letters costs no report", () => {
  const { table, reports } = tableOf();
  const names = ["a".repeat(4_096), "ß/\u{1f433}\n\u001b[31m", "\u{1f433}".repeat(2_000), ""];
  table.setPublished(names.slice(1).map((container, index) => served(8080 + index, { container })));
  table.ask("db", [port(5432, { container: names[0] ?? "" })]);
  table.publish();
  const said = names.map((name) => name.slice(0, 1_024));
  const ports = reports[0] ?? [];
  expect(ports.map(({ container }) => container)).toEqual([...said.slice(1), said[0] ?? ""]);
  expect(parseAgentMessage(encode({ type: "ports", report: 1, ports }))).toEqual({
    type: "ports",
    report: 1,
    ports: [...ports],
  });
});

test("what does not fit into one report fails with the reason, and is told once", async () => {
  const troubles: string[] = [];
  const reports: (readonly PublishedPort[])[] = [];
  const table: PortTable = new PortTable(
    (ports) => {
      reports.push(ports);
      const number = reports.length;
      setImmediate(() => table.onServed(number, []));
      return number;
    },
    (text) => troubles.push(text),
  );
  const many = Array.from({ length: 5_002 }, (_, index) => served(1 + index, { containerId: "a" }));
  const reason = "published ports are more than the host takes of one VM, which is 5000 or 1 MB of them.";
  table.setPublished(many.slice(0, 5_000));
  expect(await table.publishAndWait(1_000)).toEqual([]);
  table.setPublished(many);
  const failed = await table.publishAndWait(1_000);
  expect(failed).toEqual(
    [5_001, 5_002].map((hostPort) => {
      return {
        protocol: "tcp",
        hostIp: "127.0.0.1",
        hostPort,
        reason: `Port ${hostPort} is not forwarded: the ${reason}`,
      };
    }),
  );
  table.publish();
  expect([reports.map(({ length }) => length), troubles]).toEqual([[5_000, 5_000, 5_000], [`2 ${reason}`]]);
  table.setPublished(Array.from({ length: 3_000 }, (_, index) => served(1 + index, { container: "é".repeat(500) })));
  table.publish();
  const last = reports.at(-1) ?? [];
  expect(Buffer.byteLength(encode({ type: "ports", report: 1, ports: last }))).toBeLessThan(1_048_576);
  expect(last.length).toBeGreaterThan(800);
});

test("a table that keeps silent says nothing before Docker's first list, and what others publish with it", async () => {
  const { table, reports } = tableOf();
  table.keepSilent();
  const order: string[] = [];
  const known = table.known().then(() => order.push("known"));
  table.setPublished([served(9000, { container: "nspawn" })], "nspawn");
  table.publish();
  table.ask("web", [port(8081)]);
  const asked = table.publishAndWait(60_000).then(() => order.push("served"));
  expect([reports, order]).toEqual([[], []]);
  table.setPublished([served(8080)]);
  await known;
  expect(reports).toEqual([[port(8080), port(9000, { container: "nspawn" }), port(8081)]]);
  table.onServed(1, []);
  await asked;
  expect(order).toEqual(["known", "served"]);
  table.speak();
  expect(reports).toHaveLength(1);
});

test("a silent table that is to speak says what it knows, once", async () => {
  const { table, reports } = tableOf();
  table.keepSilent();
  table.setPublished([served(9000)], "nspawn");
  table.speak();
  table.speak();
  await table.known();
  expect(reports).toEqual([[port(9000)]]);
});
