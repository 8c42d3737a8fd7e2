/** Ports that the host cannot or must not listen on: each is refused with the reason, and stops no other. */
import { expect, test } from "bun:test";
import { basename } from "node:path";
import { ListenerLimit } from "../../../../src/host/gate/listener-limit.ts";
import { listenForDatagrams } from "../../../../src/system/net/datagrams.ts";
import { freePort } from "../../../support/datagrams.ts";
import { forwardsTo, published, states, stranger } from "../../../support/forwards.ts";
import { realGate } from "../../../support/gates.ts";

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

test("ports beyond those that this process may listen on are refused with the reason, and have room once others end", async () => {
  using gate = realGate();
  using host = forwardsTo(gate, undefined, undefined, new ListenerLimit(2));
  const ports = [await freePort(), await freePort(), await freePort()] as const;
  const report = ports.map((port, index) => published(port, { protocol: index === 1 ? "udp" : "tcp" }));
  const reason = `Port ${ports[2]} on 127.0.0.1 cannot be opened: there are 2 listeners, as many as qn may have here.`;
  expect(await host.forwards.serve(report)).toEqual([
    { protocol: "tcp", hostIp: "127.0.0.1", hostPort: ports[2], reason },
  ]);
  expect(await host.forwards.serve(report.slice(1))).toEqual([]);
});

test("the owner of a port is whoever holds it at that address, not at another one", async () => {
  using gate = realGate();
  using host = forwardsTo(gate);
  await using one = await stranger("tcp");
  const { port } = one;
  await using two = await stranger("tcp", [], { hostname: "127.0.0.2", port });
  const report = ["127.0.0.2", "127.0.0.1", "127.0.0.3", "0.0.0.0"].map((hostIp) => published(port, { hostIp }));
  const owner = (hostIp: string, { pid }: { pid: number }): string =>
    `Port ${port} on ${hostIp} is taken by ${basename(process.execPath)} (pid ${pid}).`;
  expect((await host.forwards.serve(report)).map(({ reason }) => reason)).toEqual([
    owner("127.0.0.2", two),
    owner("127.0.0.1", one),
  ]);
  expect(states(host.forwards).filter((state) => state.endsWith("open"))).toEqual([
    "tcp 127.0.0.3 open",
    "tcp ::1 open",
  ]);
});

test("a port that ports.deny has is never listened on, and the rule is named", async () => {
  using gate = realGate();
  const first = await freePort();
  const other = await freePort();
  const deny = [{ first, last: first, rule: `${first}` }];
  using host = forwardsTo(gate, { bind: "loopback", deny });
  const report = [published(first), published(first, { protocol: "udp", hostIp: "127.0.0.2" }), published(other)];
  const why = `is not forwarded: ports.deny of this VM has ${first}.`;
  expect((await host.forwards.serve(report)).map(({ reason }) => reason)).toEqual([
    `Port ${first} on 127.0.0.1 ${why}`,
    `Port ${first} on 127.0.0.2 ${why}`,
  ]);
  (await listenForDatagrams({ hostname: "127.0.0.2", port: first }, () => {})).close();
});

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

test("what is no address in its usual form is listened on nowhere, and no name server is asked", async () => {
  using gate = realGate();
  using host = forwardsTo(gate);
  const port = await freePort();
  for (const protocol of ["tcp", "udp"] as const) {
    const addresses = [
      "0",
      "0x0",
      "127.1",
      "*",
      "localhost",
      "no-such-host.test",
      "::ffff:127.0.0.1",
      "::1%lo",
      "a\nb",
    ];
    const begin = performance.now();
    const failed = await host.forwards.serve(addresses.map((hostIp) => published(port, { protocol, hostIp })));
    expect(performance.now() - begin).toBeLessThan(1_000);
    expect(failed.map(({ reason }) => reason)).toEqual(
      addresses.map(
        (hostIp) => `Port ${port} cannot be opened: ${JSON.stringify(hostIp)} is not an IP address in its usual form.`,
      ),
    );
    expect(host.forwards.all.filter(({ listener }) => listener !== undefined)).toEqual([]);
  }
});

test("with ports.bind: strict nothing is listened on beyond the loopback, whoever asks for an address of the network", async () => {
  using gate = realGate();
  using host = forwardsTo(gate, { bind: "strict", deny: [] });
  const ports = [await freePort(), await freePort(), await freePort()] as const;
  const addresses = ["0.0.0.0", "127.0.0.1", "192.0.2.1"];
  const report = ports.map((port, index) => published(port, { hostIp: addresses[index] ?? "" }));
  expect((await host.forwards.serve(report)).map(({ reason }) => reason)).toEqual([
    `Port ${ports[2]} on 192.0.2.1 is not forwarded: ports.bind of this VM is strict, which is loopback addresses only.`,
  ]);
  expect(states(host.forwards).filter((state) => state.endsWith("open"))).toEqual([
    "tcp 127.0.0.1 open",
    "tcp ::1 open",
    "tcp 127.0.0.1 open",
  ]);
});
