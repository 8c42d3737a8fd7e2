/** Forwards on real ports: TCP and UDP side by side, ports that somebody else holds, and hosts without IPv6. */
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { Gateway } from "../../../../src/host/gate/gateway.ts";
import { GatePool } from "../../../../src/host/gate/pool.ts";
import { Forwards } from "../../../../src/host/ports/apply.ts";
import type { Open, PublishedPort } from "../../../../src/protocol/messages.ts";
import { connect } from "../../../../src/system/connection.ts";
import { listenForDatagrams } from "../../../../src/system/datagrams.ts";
import { datagramClient, datagramServer, freePort } from "../../../support/datagrams.ts";
import { realGate, type TestGate } from "../../../support/gates.ts";
import { listenSomewhere, receive } from "../../../support/streams.ts";

function published(hostPort: number, changes: Partial<PublishedPort> = {}): PublishedPort {
  return { protocol: "tcp", hostIp: "127.0.0.1", hostPort, containerId: "f00d", container: "web", ...changes };
}

/** Forwards in front of a gate. */
function forwardsTo(gate: TestGate): Disposable & { readonly forwards: Forwards } {
  const gateway = new Gateway();
  const pool = new GatePool(gate.key);
  gateway.use(pool);
  const forwards = new Forwards(gateway, "loopback");
  return {
    forwards,
    [Symbol.dispose]() {
      forwards.close();
      pool.close();
    },
  };
}

/** Every forward as "protocol address open", or with why it is not. */
function states({ all }: Forwards): string[] {
  return all.map(
    ({ protocol, hostIp, listener, error }) =>
      `${protocol} ${hostIp} ${listener === undefined ? (error ?? "closed") : "open"}`,
  );
}

test("TCP and UDP are forwarded on the same number, each to its own, for clients of both families", async () => {
  using dns = await datagramServer((text) => Buffer.from(`udp ${text.toString()}`));
  await using web = await listenSomewhere("tcp", (connection) => {
    connection.onData = (bytes) => void connection.write(`tcp ${Buffer.from(bytes).toString()}`);
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

/** Somebody else's program, which listens on a free port until the end of the test. */
async function stranger(
  protocol: "tcp" | "udp",
  words: readonly string[] = [],
): Promise<AsyncDisposable & { readonly pid: number; readonly port: number }> {
  const folder = await mkdtemp(join(tmpdir(), "qn-"));
  const program = join(folder, "listen.ts");
  const port = await freePort();
  const at = `hostname: "127.0.0.1", port: ${port}, socket: { data() {} }`;
  const listens = protocol === "tcp" ? `Bun.listen({ ${at} })` : `await Bun.udpSocket({ ${at} })`;
  await Bun.write(program, `${listens};\nconsole.log("listens");\nawait Bun.stdin.text();\n`);
  const child = Bun.spawn([process.execPath, program, ...words], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  const { value } = await child.stdout.getReader().read();
  if (value === undefined) throw new Error("The program that was to listen has ended.");
  return {
    pid: child.pid,
    port,
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

for (const protocol of ["tcp", "udp"] as const) {
  test(`a ${protocol} port that a program holds is refused by its name, and served once it has ended`, async () => {
    using gate = realGate();
    using host = forwardsTo(gate);
    let port: number;
    const other = await freePort();
    {
      await using program = await stranger(protocol);
      ({ port } = program);
      const reason = `Port ${port} on 127.0.0.1 is taken by ${basename(process.execPath)} (pid ${program.pid}).`;
      const report = [published(port, { protocol }), published(other, { protocol })];
      expect(await host.forwards.serve(report)).toEqual([{ protocol, hostIp: "127.0.0.1", hostPort: port, reason }]);
      expect(states(host.forwards)).toEqual([`${protocol} 127.0.0.1 ${reason}`, `${protocol} 127.0.0.1 open`]);
      // The other protocol's port of that number is free.
      const free = protocol === "tcp" ? "udp" : "tcp";
      expect(await host.forwards.serve([published(port, { protocol: free })])).toEqual([]);
    }
    expect(await host.forwards.serve([published(port, { protocol })])).toEqual([]);
  });

  test(`a ${protocol} port that another VM serves is refused by the VM's name`, async () => {
    using gate = realGate();
    using host = forwardsTo(gate);
    await using supervisor = await stranger(protocol, ["supervise", "web", "--foreground"]);
    const { port } = supervisor;
    expect(await host.forwards.serve([published(port, { protocol, hostIp: "0.0.0.0" })])).toEqual([
      {
        protocol,
        hostIp: "0.0.0.0",
        hostPort: port,
        reason: `Port ${port} on 127.0.0.1 is taken by the VM "web".`,
      },
    ]);
  });
}

test("an address that this machine does not have is refused as such", async () => {
  using gate = realGate();
  using host = forwardsTo(gate);
  const port = await freePort();
  const reports = (["tcp", "udp"] as const).map((protocol) => published(port, { protocol, hostIp: "192.0.2.7" }));
  expect((await host.forwards.serve(reports)).map(({ reason }) => reason)).toEqual(
    reports.map(() => `Port ${port} on 192.0.2.7 cannot be opened: this machine has no such address.`),
  );
});

test("SCTP is refused with the reason, and stops no other", async () => {
  using gate = realGate();
  using host = forwardsTo(gate);
  const port = await freePort();
  const report = (["sctp", "tcp", "udp"] as const).map((protocol) => published(port, { protocol }));
  expect((await host.forwards.serve(report)).map(({ protocol, reason }) => [protocol, reason])).toEqual([
    [
      "sctp",
      `Port ${port} on 127.0.0.1 cannot be opened: SCTP cannot be forwarded: the way between host and guest carries TCP and UDP.`,
    ],
  ]);
});

/** Whether this process may have a network of its own, in which it turns IPv6 off. */
const withoutIpv6 = "ip link set lo up && echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6";
const mayTurnOff = Bun.spawnSync(["sh", "-c", `exec unshare -n sh -c '${withoutIpv6}'`]).exitCode === 0;

test.skipIf(!mayTurnOff)("on a machine without IPv6 a port that names no address is whole on IPv4", async () => {
  const source = `${import.meta.dir}/../../../../src/host`;
  const program = `
    import { Gateway } from ${JSON.stringify(`${source}/gate/gateway.ts`)};
    import { Forwards } from ${JSON.stringify(`${source}/ports/apply.ts`)};
    const forwards = new Forwards(new Gateway(), "loopback");
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
