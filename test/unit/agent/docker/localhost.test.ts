/** The program that leads dockerd's localhost to the host, instruction by instruction; the kernel's word on it is in contract/. */
import { expect, test } from "bun:test";
import { localhostProgram } from "../../../../src/agent/docker/localhost.ts";
import { assemble, bpf } from "../../../../src/system/kernel/bpf-code.ts";

test("the program asks for a listener, and writes the host's address where there is none", () => {
  const bytes = Buffer.from(localhostProgram(0x1122334455667788n)).toString("hex");
  // Code, registers (source and target), offset, number; as `llvm-objdump` names them.
  expect(bytes.match(/.{16}/g)).toEqual([
    "bf16000000000000", // r6 = r1
    "6160240000000000", // r0 = *(u32 *)(r6 + 36): protocol
    "55001a0006000000", // if r0 != 6 goto 29
    "6167040000000000", // r7 = *(u32 *)(r6 + 4): user_ip4
    "550718007f000001", // if r7 != 127.0.0.1 goto 29
    "850000007a000000", // call 122: bpf_get_netns_cookie
    "1801000088776655", // r1 = 0x1122334455667788 ll
    "0000000044332211",
    "5d10140000000000", // if r0 != r1 goto 29
    "637af4ff00000000", // *(u32 *)(r10 - 12) = r7
    "637af8ff00000000", // *(u32 *)(r10 - 8) = r7
    "b701000000000000", // r1 = 0
    "6b1afcff00000000", // *(u16 *)(r10 - 4) = r1
    "6161180000000000", // r1 = *(u32 *)(r6 + 24): user_port
    "6b1afeff00000000", // *(u16 *)(r10 - 2) = r1
    "bf61000000000000", // r1 = r6
    "bfa2000000000000", // r2 = r10
    "07020000f4ffffff", // r2 += -12
    "b70300000c000000", // r3 = 12
    "b7040000ffffffff", // r4 = -1: this network
    "b705000000000000", // r5 = 0
    "8500000054000000", // call 84: bpf_sk_lookup_tcp
    "1500040000000000", // if r0 == 0 goto 27
    "bf01000000000000", // r1 = r0
    "8500000056000000", // call 86: bpf_sk_release
    "b700000001000000", // r0 = 1
    "9500000000000000", // exit
    "b70100000a000202", // r1 = 10.0.2.2
    "6316040000000000", // *(u32 *)(r6 + 4) = r1
    "b700000001000000", // r0 = 1
    "9500000000000000", // exit
  ]);
});

test("a program that jumps to no place is refused, and not made", () => {
  expect(() => assemble([bpf.ifIs(0, 0, "nowhere"), bpf.exit])).toThrow("There is no label nowhere.");
});
