/** Linux' tables of sockets, as the kernel writes them. */
import { expect, test } from "bun:test";
import { connectionsIn, heldSocketsIn } from "../../../src/system/proc-net.ts";

const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

test("sockets that listen are read with address, port and inode, those that speak to a peer left out", () => {
  const table = `${head}   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 ffff 100 0 0 10 0
   1: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4712 1 ffff 100 0 0 10 0
   2: 0F02000A:03FE 0202000A:CF0A 01 00000000:00000000 02:000A3B1C 00000000     0        0 4713 4 ffff 20 4 30 10 -1
   3: 0100007F:5002 0100007F:9C41 06 00000000:00000000 03:00000000 00000000     0        0 0 3
`;
  expect(heldSocketsIn(table, "tcp")).toEqual([
    { protocol: "tcp", address: "0.0.0.0", port: 8080, inode: "4711", state: "waiting" },
    { protocol: "tcp", address: "127.0.0.1", port: 3000, inode: "4712", state: "waiting" },
  ]);
});

test("a UDP socket has its port for itself with a peer and without", () => {
  const row = (address: string, state: string, inode: string): string =>
    ` 0: ${address}:14E9 ${"0".repeat(address.length)}:0000 ${state} 0:0 00:0 0 0 0 ${inode} 2 f 0\n`;
  const table = `${head}${row("00000000000000000000000001000000", "07", "9")}${row("0F02000A", "01", "10")}`;
  expect(heldSocketsIn(table, "udp")).toEqual([
    { protocol: "udp", address: "::1", port: 5353, inode: "9", state: "waiting" },
    { protocol: "udp", address: "10.0.2.15", port: 5353, inode: "10", state: "connected" },
  ]);
  expect(heldSocketsIn("", "udp")).toEqual([]);
});

test("addresses are read in the machine's byte order", () => {
  const words = ["0100007F", "00000000", "00000000000000000000000001000000", "B80D01200000000067452301EFCDAB89"];
  const addressOf = (hex: string) => heldSocketsIn(`${head} 0: ${hex}:0050 0:0 0A 0 0 0 0 0 1`, "tcp")[0]?.address;
  expect(words.map(addressOf)).toEqual(["127.0.0.1", "0.0.0.0", "::1", "2001:db8::123:4567:89ab:cdef"]);
});

test("connections to a port are those that are established, and that somebody else has made", () => {
  const table = `${head}   0: 00000000:03FE 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 ffff 100 0 0 10 0
   1: 0F02000A:03FE 0202000A:CF0A 01 00000000:00000000 02:000A3B1C 00000000     0        0 4713 4 ffff 20 4 30 10 -1
   2: 0F02000A:03FE 0202000A:CF0C 06 00000000:00000000 03:00000000 00000000     0        0 0 3
   3: 0F02000A:CF0A 0202000A:03FE 01 00000000:00000000 02:000A3B1C 00000000     0        0 4714 4 ffff 20 4 30 10 -1
`;
  expect([connectionsIn(table, 1022), connectionsIn(table, 22), connectionsIn("", 1022)]).toEqual([1, 0, 0]);
});
