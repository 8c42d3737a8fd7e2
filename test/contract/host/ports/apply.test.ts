/** Forwards on real ports: TCP and UDP side by side, every kind of address, and hosts without IPv6. */
import { expect, test } from "bun:test";
import { networkInterfaces } from "node:os";
import type { Open } from "../../../../src/protocol/stream-request.ts";
import { connect } from "../../../../src/system/net/connection.ts";
import { listenForDatagrams } from "../../../../src/system/net/datagrams.ts";
import { datagramClient, datagramServer, freePort } from "../../../support/datagrams.ts";
import { forwardsTo, published, states } from "../../../support/forwards.ts";
import { realGate } from "../../../support/gates.ts";
import { listenSomewhere, receive } from "../../../support/streams.ts";

test("TCP and UDP are forwarded on the same number, each to its own, for clients of both families", async () => {
  using dns = await datagramServer((text) => Buffer.from(`udp ${text.toString()}`));
  await using web = await listenSomewhere("tcp", (connection) => {
    connection.amend({ onData: (bytes) => void connection.write(`tcp ${Buffer.from(bytes).toString()}`) });
  });
  const opened: Open[] = [];
  using gate = realGate({
    addressOf: (open) => {
      opened.push(open);
      return open.open === "port" && open.protocol === "udp" ? dns.address : web.address;
    },
  });
  using host = forwardsTo(gate);
  const port = await freePort();
  const both = { hostIp: "", container: "dns" };
  const report = [published(port, both), published(port, { ...both, protocol: "udp" })];
  expect(await host.forwards.serve(report)).toEqual([]);
  expect(states(host.forwards)).toEqual(["tcp 127.0.0.1 open", "tcp ::1 open", "udp 127.0.0.1 open", "udp ::1 open"]);
  const answers = [];
  for (const hostname of ["127.0.0.1", "::1"] as const) {
    using client = await datagramClient(hostname);
    answers.push((await client.ask(`at ${hostname}`, port)).toString());
    const stream = await connect({ hostname, port });
    const received = receive(stream);
    stream.write(`at ${hostname}`);
    await received.reached(`tcp at ${hostname}`.length);
    answers.push(received.whole.toString());
    stream.reset();
  }
  expect(answers).toEqual(["udp at 127.0.0.1", "tcp at 127.0.0.1", "udp at ::1", "tcp at ::1"]);
  const asked = { open: "port", hostIp: "", hostPort: port } as const;
  expect(opened).toEqual((["udp", "tcp", "udp", "tcp"] as const).map((protocol) => ({ ...asked, protocol })));
});

test("flows and bytes of a UDP port are counted, and why a client was turned away is kept", async () => {
  using server = await datagramServer();
  let isServed = true;
  using gate = realGate({
    addressOf: () => {
      if (isServed) return server.address;
      throw new Error("No container publishes udp port 53.");
    },
  });
  using host = forwardsTo(gate);
  const port = await freePort();
  await host.forwards.serve([published(port, { protocol: "udp" })]);
  using ann = await datagramClient();
  using bob = await datagramClient();
  using eve = await datagramClient();
  await ann.ask("12345", port);
  await bob.ask("123", port);
  const counted = (): unknown => host.forwards.all.map(({ connections, bytes, error }) => [connections, bytes, error]);
  expect(counted()).toEqual([[2, 16, undefined]]);
  isServed = false;
  eve.send("1", port);
  // The stream of the refused flow and those of the others are apart; another answer says that all is done.
  await ann.ask("1", port);
  await bob.ask("1", port);
  while (host.forwards.all[0]?.error === undefined) await ann.ask("", port);
  expect(counted()).toEqual([[2, 21, "No container publishes udp port 53."]]);
});

test("each report and each thing that is carried is told, for those who watch", async () => {
  using server = await datagramServer();
  using gate = realGate({ addressOf: () => server.address });
  using host = forwardsTo(gate);
  const told: string[] = [];
  host.forwards.onChange = (what) => told.push(what);
  const port = await freePort();
  await host.forwards.serve([published(port, { protocol: "udp" })]);
  expect(told).toEqual(["forwards"]);
  using ann = await datagramClient();
  await ann.ask("1", port);
  // A client that comes, its datagram, and the answer.
  expect(told).toEqual(["forwards", "counts", "counts", "counts"]);
});

test("a port of UDP closes with its flows when it is not published any more, and opens again", async () => {
  using server = await datagramServer();
  using gate = realGate({ addressOf: () => server.address });
  using host = forwardsTo(gate);
  const port = await freePort();
  const report = [published(port, { protocol: "udp" })];
  await host.forwards.serve(report);
  using client = await datagramClient();
  await client.ask("one", port);
  expect(await host.forwards.serve([])).toEqual([]);
  (await listenForDatagrams({ hostname: "127.0.0.1", port }, () => {})).close();
  expect(await host.forwards.serve(report)).toEqual([]);
  expect([(await client.ask("two", port)).toString(), server.callers.length]).toEqual(["two", 2]);
});

test("reports that come one upon the other end with the last one", async () => {
  using gate = realGate();
  using host = forwardsTo(gate);
  const [one, two] = [await freePort(), await freePort()];
  const udp = (port: number) => published(port, { protocol: "udp" });
  const answers = await Promise.all([
    host.forwards.serve([udp(one)]),
    host.forwards.serve([udp(one), udp(two)]),
    host.forwards.serve([]),
    host.forwards.serve([udp(two), published(one)]),
  ]);
  expect([answers, states(host.forwards)]).toEqual([
    [[], [], [], []],
    ["udp 127.0.0.1 open", "tcp 127.0.0.1 open"],
  ]);
  expect(host.forwards.all.map(({ hostPort }) => hostPort)).toEqual([two, one]);
});

test("a port that is still opening when the VM ends is closed, and later reports open nothing", async () => {
  using gate = realGate();
  using host = forwardsTo(gate);
  const port = await freePort();
  const report = [published(port, { protocol: "udp" })];
  const opening = host.forwards.serve(report);
  await Promise.resolve();
  host.forwards.close();
  await opening;
  await host.forwards.serve(report);
  expect(host.forwards.all).toEqual([]);
  (await listenForDatagrams({ hostname: "127.0.0.1", port }, () => {})).close();
});

test("500 ports of one container are opened together, and closed together, each within the 5 s that Docker waits", async () => {
  using gate = realGate();
  using host = forwardsTo(gate);
  const report = Array.from({ length: 500 }, (_, index) => published(21_000 + index, { hostIp: "0.0.0.0" }));
  const times: number[] = [];
  const timed = async (ports: typeof report): Promise<readonly unknown[]> => {
    const begin = performance.now();
    const failed = await host.forwards.serve(ports);
    times.push(performance.now() - begin);
    return failed;
  };
  const failed = await timed(report);
  expect(host.forwards.all.filter(({ listener }) => listener !== undefined)).toHaveLength(1_000 - failed.length);
  await timed(report);
  expect(await timed([])).toEqual([]);
  expect(host.forwards.all).toEqual([]);
  expect(Math.max(...times)).toBeLessThan(5_000);
});

test("with ports.bind: all a port that names no address listens at every address of both families", async () => {
  await using web = await listenSomewhere("tcp", (connection) => {
    connection.amend({ onData: (bytes) => void connection.write(bytes) });
  });
  using gate = realGate({ addressOf: () => web.address });
  using host = forwardsTo(gate, { bind: "all", deny: [] });
  const port = await freePort();
  const report = (["tcp", "udp"] as const).map((protocol) => published(port, { protocol, hostIp: "" }));
  expect(await host.forwards.serve([...report, published(port, { hostIp: "::" })])).toEqual([]);
  expect(states(host.forwards)).toEqual(["tcp 0.0.0.0 open", "tcp :: open", "udp 0.0.0.0 open", "udp :: open"]);
  const others = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const addresses = others.filter(({ address }) => !address.startsWith("fe80:")).map(({ address }) => address);
  expect(addresses).toContain("127.0.0.1");
  for (const hostname of addresses) {
    const stream = await connect({ hostname, port });
    const received = receive(stream);
    stream.write(hostname);
    await received.reached(hostname.length);
    expect(received.whole.toString()).toBe(hostname);
    stream.reset();
  }
});

/** Whether this process may have a network of its own, in which it turns IPv6 off. */
const withoutIpv6 = "ip link set lo up && echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6";
const mayTurnOff = Bun.spawnSync(["sh", "-c", `exec unshare -n sh -c '${withoutIpv6}'`]).exitCode === 0;

test.skipIf(!mayTurnOff)("on a machine without IPv6 a port that names no address is whole on IPv4", async () => {
  const source = `${import.meta.dir}/../../../../src/host`;
  const program = `
    import { Gateway } from ${JSON.stringify(`${source}/gate/gateway.ts`)};
    import { Forwards } from ${JSON.stringify(`${source}/ports/apply.ts`)};
    const forwards = new Forwards(new Gateway(), { bind: "loopback", deny: [] });
    const port = { hostPort: 8080, containerId: "f00d", container: "web" };
    const report = ["", "0.0.0.0", "::", "::1"].flatMap((hostIp, index) =>
      ["tcp", "udp"].map((protocol) => ({ ...port, protocol, hostIp, hostPort: 8080 + index })));
    const failed = await forwards.serve(report);
    console.log(JSON.stringify([failed.map(({ reason }) => reason), forwards.all.map(({ hostIp, hostPort, listener }) =>
      hostIp + " " + hostPort + " " + (listener !== undefined))]));
    forwards.close();
  `;
  const child = Bun.spawn(
    ["unshare", "-n", "sh", "-c", `${withoutIpv6} && exec "$0" -e "$1"`, process.execPath, program],
    {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    },
  );
  const refusal = "Port 8083 on ::1 cannot be opened: this machine has no such address.";
  expect(JSON.parse(await child.stdout.text())).toEqual([
    [refusal, refusal],
    [
      ...[8080, 8081, 8082].flatMap((port) => [`127.0.0.1 ${port} true`, `127.0.0.1 ${port} true`]),
      "::1 8083 false",
      "::1 8083 false",
    ],
  ]);
});
