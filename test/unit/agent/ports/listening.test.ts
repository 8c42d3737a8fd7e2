/** Which of the guest's sockets are forwarded with `ports.listen`, as the kernel's tables have them. */
import { expect, test } from "bun:test";
import { forwardOf, type Listening, listeningIn } from "../../../../src/agent/ports/listening.ts";
import { addressInProc } from "../../../../src/system/port-holders.ts";

const range = { first: 32_768, last: 60_999 };

test("a table's waiting sockets are read with address, port and inode, those that speak to a peer left out", () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 ffff 100 0 0 10 0
   1: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4712 1 ffff 100 0 0 10 0
   2: 0F02000A:03FE 0202000A:CF0A 01 00000000:00000000 02:000A3B1C 00000000     0        0 4713 4 ffff 20 4 30 10 -1
`;
  expect(listeningIn(table, "tcp", addressInProc)).toEqual([
    { protocol: "tcp", address: "0.0.0.0", port: 8080, inode: "4711" },
    { protocol: "tcp", address: "127.0.0.1", port: 3000, inode: "4712" },
  ]);
  const six =
    "head\n 0: 00000000000000000000000001000000:14E9 00000000000000000000000000000000:0000 07 0:0 00:0 0 0 0 9 2 f 0\n";
  expect(listeningIn(six, "udp", addressInProc)).toEqual([{ protocol: "udp", address: "::1", port: 5353, inode: "9" }]);
  expect(listeningIn("", "udp", addressInProc)).toEqual([]);
});

function socket(protocol: Listening["protocol"], address: string, port: number): Listening {
  return { protocol, address, port, inode: "1" };
}

test("a socket on every address is forwarded as one that names none, one on the loopback as the loopback", () => {
  const at = (address: string): unknown => forwardOf(socket("tcp", address, 8080), range);
  expect(at("0.0.0.0")).toEqual({ hostIp: "0.0.0.0", target: "127.0.0.1" });
  expect(at("::")).toEqual({ hostIp: "0.0.0.0", target: "127.0.0.1" });
  expect(at("127.0.0.1")).toEqual({ hostIp: "127.0.0.1", target: "127.0.0.1" });
  expect(at("::1")).toEqual({ hostIp: "::1", target: "::1" });
  expect([at("10.0.2.15"), at("172.17.0.1"), at("fe80::1")]).toEqual([undefined, undefined, undefined]);
});

test("the guest's own business and qn's doors are never forwarded, and no UDP client's port", () => {
  const ports = [53, 67, 68, 123, 323, 546, 547, 5353, 5355, 1021, 1022, 1023];
  const kinds = ["tcp", "udp"] as const;
  const forwarded = kinds.flatMap((kind) => ports.map((port) => forwardOf(socket(kind, "0.0.0.0", port), range)));
  expect(new Set(forwarded)).toEqual(new Set([undefined]));
  expect(forwardOf(socket("udp", "0.0.0.0", 40_000), range)).toBeUndefined();
  expect(forwardOf(socket("udp", "0.0.0.0", 30_000), range)).toBeDefined();
  expect(forwardOf(socket("tcp", "0.0.0.0", 40_000), range)).toBeDefined();
});
