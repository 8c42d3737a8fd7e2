/** Which of the guest's sockets are forwarded with `ports.listen`. */
import { expect, test } from "bun:test";
import { containerIn, forwardOf, type Listening } from "../../../../src/agent/ports/listening.ts";

const range = { first: 32_768, last: 60_999 };

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

test("the container of a process is the first of its control groups that is named after one", () => {
  const id = "0123456789abcdef".repeat(4);
  const other = "f".repeat(64);
  expect(containerIn(`0::/system.slice/docker-${id}.scope\n`)).toBe(id);
  expect(containerIn(`0::/docker/${id}\n`)).toBe(id);
  expect(containerIn(`0::/docker/${id}/system.slice/docker-${other}.scope\n`)).toBe(id);
  expect(containerIn(`12:cpu:/\n0::/qn-native/${id}/init\n`)).toBe(id);
  for (const none of ["", "0::/system.slice/nginx.service\n", `0::/docker/${id}0\n`, `0::/x${id}\n`]) {
    expect(containerIn(none)).toBeUndefined();
  }
});
