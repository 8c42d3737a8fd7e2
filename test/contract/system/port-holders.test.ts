/** Who holds a port of this machine, against real sockets; and lsof's answer on a Mac, as it was recorded. */
import { expect, test } from "bun:test";
import { heldInLsof, holdersOfPort } from "../../../src/system/port-holders.ts";
import { freePort } from "../../support/datagrams.ts";

test("everybody who holds a port is named once, with every address, TCP and UDP apart", async () => {
  const port = await freePort();
  const servers = ["127.0.0.1", "::1"].map((hostname) => Bun.listen({ hostname, port, socket: { data() {} } }));
  const datagrams = await Bun.udpSocket({ hostname: "127.0.0.2", port });
  try {
    const own = { pid: process.pid, name: expect.any(String), command: expect.arrayContaining(["test"]) };
    expect(await holdersOfPort(port)).toEqual([
      { ...own, protocol: "tcp", addresses: ["127.0.0.1", "::1"] },
      { ...own, protocol: "udp", addresses: ["127.0.0.2"] },
    ]);
  } finally {
    for (const server of servers) server.stop(true);
    datagrams.close();
  }
  expect(await holdersOfPort(port)).toEqual([]);
});

test("of lsof's answer only those count that listen, or hold a UDP port", () => {
  const answer = `p501
cnode
f20
PTCP
n*:8080
TST=LISTEN
TQR=0
f21
PTCP
n[::1]:8080
TST=LISTEN
f23
PTCP
n127.0.0.1:8080->127.0.0.1:50000
TST=ESTABLISHED
p502
ccurl
f5
PTCP
n127.0.0.1:50000->127.0.0.1:8080
TST=ESTABLISHED
p503
cdns
f6
PUDP
n127.0.0.1:8080
f7
PUDP
n*:5353
`;
  expect(heldInLsof(answer, 8080).map(({ protocol, address, pid, name }) => [protocol, address, pid, name])).toEqual([
    ["tcp", "0.0.0.0", 501, "node"],
    ["tcp", "::1", 501, "node"],
    ["udp", "127.0.0.1", 503, "dns"],
  ]);
});
