/** The program that keeps silent connections alive, instruction by instruction; the kernel's word on it is in contract/. */
import { expect, test } from "bun:test";
import { keepAliveProgram } from "../../../../src/agent/setup/keep-alive.ts";

test("the program asks whether there are probes, and sets their times before it turns them on", () => {
  const bytes = Buffer.from(keepAliveProgram()).toString("hex");
  const instructions = bytes.match(/.{16}/g) ?? [];
  // Code, registers (source and target), offset, number; as `llvm-objdump` names them.
  expect(instructions.slice(0, 14)).toEqual([
    "bf16000000000000", // r6 = r1
    "6160000000000000", // r0 = *(u32 *)(r6 + 0): op
    "55002f0004000000", // if r0 != 4 goto 50: a connection that was opened here stands
    "b701000000000000", // r1 = 0
    "631afcff00000000", // *(u32 *)(r10 - 4) = r1
    "bf61000000000000", // r1 = r6
    "b702000001000000", // r2 = 1: SOL_SOCKET
    "b703000009000000", // r3 = 9: SO_KEEPALIVE
    "bfa4000000000000", // r4 = r10
    "07040000fcffffff", // r4 += -4
    "b705000004000000", // r5 = 4
    "8500000039000000", // call 57: bpf_getsockopt
    "61a0fcff00000000", // r0 = *(u32 *)(r10 - 4)
    "5500240000000000", // if r0 != 0 goto 50
  ]);
  // Value, level, option: 300 s, 300 s, 127 in vain, on.
  const told = [14, 23, 32, 41].map((at) => [at, at + 3, at + 4, at + 8].map((index) => instructions[index]));
  expect(told).toEqual([
    ["b70100002c010000", "b702000006000000", "b703000004000000", "8500000031000000"],
    ["b70100002c010000", "b702000006000000", "b703000005000000", "8500000031000000"],
    ["b70100007f000000", "b702000006000000", "b703000006000000", "8500000031000000"],
    ["b701000001000000", "b702000001000000", "b703000009000000", "8500000031000000"],
  ]);
  expect(instructions.slice(50)).toEqual(["b700000001000000", "9500000000000000"]);
});
