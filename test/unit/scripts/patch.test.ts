/** What scripts/agent sends into a guest. */
import { expect, test } from "bun:test";
import { headBytes, patchOf } from "../../../scripts/support/patch.ts";

test("a program is put together again from its patch and the Bun that another program has inside", () => {
  const bun = random(300_000);
  const program = Buffer.concat([bun.subarray(0, 250_000), random(90_000)]);
  program.fill(7, 40, 48);
  const older = Buffer.concat([bun.subarray(0, 250_000), random(80_000)]);
  older.fill(9, 40, 48);
  const { keep, head, bytes } = patchOf(bun, program);
  expect(keep).toBeGreaterThanOrEqual(250_000);
  expect(bytes.length).toBeLessThan(headBytes + 90_001);
  const again = Buffer.concat([bytes.subarray(0, head), older.subarray(head, keep), bytes.subarray(head)]);
  expect(Buffer.compare(again, program)).toBe(0);
});

test("a program without a Bun in common is sent whole", () => {
  const program = random(100_000);
  const { keep, bytes } = patchOf(random(100_000).subarray(0, headBytes), program);
  expect(keep).toBe(headBytes);
  expect(Buffer.compare(bytes, program)).toBe(0);
  expect(patchOf(program, program)).toEqual({ keep: 0, head: headBytes, bytes: program });
});

/** Bytes that no other call gives. */
function random(size: number): Buffer {
  const parts = Array.from({ length: Math.ceil(size / 65_536) }, () => crypto.getRandomValues(Buffer.alloc(65_536)));
  return Buffer.concat(parts).subarray(0, size);
}
