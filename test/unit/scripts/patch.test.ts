/** What scripts/agent sends into a guest. */
import { expect, test } from "bun:test";
import { edgeBytes, endBytes, headBytes, keptOf, nothingKept, patchOf } from "../../../scripts/support/patch.ts";

const middle = headBytes + edgeBytes + 300_000;
const bun = random(middle + endBytes);

test("a program is put together again from its patch and the Bun that another program has inside", () => {
  const [program, older] = [programOf(90_000, 7), programOf(80_000, 9)];
  const kept = keptOf(bun);
  const { keep, head, edge, hash } = kept;
  expect(keep).toBe(middle);
  const edges = [older.subarray(head, head + edge), older.subarray(keep - edge, keep)];
  expect(hash).toBe(new Bun.CryptoHasher("blake2b512").update(Buffer.concat(edges)).digest("hex"));
  const bytes = patchOf(bun, program, kept);
  expect(bytes.length).toBe(headBytes + program.length - keep);
  const again = Buffer.concat([bytes.subarray(0, head), older.subarray(head, keep), bytes.subarray(head)]);
  expect(Buffer.compare(again, program)).toBe(0);
});

test("a program is sent whole where nothing is kept, as with a Bun of which nothing would be left", () => {
  const program = random(100_000);
  expect(Buffer.compare(patchOf(bun, program, nothingKept), program)).toBe(0);
  expect(keptOf(bun.subarray(0, headBytes + edgeBytes + endBytes - 1))).toEqual(nothingKept);
});

test("a program that has another Bun inside than it should is refused", () => {
  const program = programOf(1000, 7);
  program.fill(0, 200_000, 200_100);
  expect(() => patchOf(bun, program, keptOf(bun))).toThrow("another Bun inside");
});

/** A program of that Bun, whose header and end are its own. */
function programOf(size: number, header: number): Buffer {
  const program = Buffer.concat([bun.subarray(0, middle + 10_000), random(size)]);
  return program.fill(header, 40, 48);
}

/** Bytes that no other call gives. */
function random(size: number): Buffer {
  const parts = Array.from({ length: Math.ceil(size / 65_536) }, () => crypto.getRandomValues(Buffer.alloc(65_536)));
  return Buffer.concat(parts).subarray(0, size);
}
