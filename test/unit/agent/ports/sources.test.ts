/** Nudges of sources that tell of much. */
import { expect, test } from "bun:test";
import { calmed } from "../../../../src/agent/ports/sources.ts";

test("a nudge is passed on at once, and however many come soon after one as one more", () => {
  const waiting: (() => void)[] = [];
  let passed = 0;
  const nudge = calmed(
    () => (passed += 1),
    (_delayMs, action) => waiting.push(action),
  );
  const pass = (): void => waiting.shift()?.();
  nudge();
  expect(passed).toBe(1);
  for (let count = 0; count < 1_000; count += 1) nudge();
  expect(passed).toBe(1);
  pass();
  expect(passed).toBe(2);
  // Nothing has come since: the next one is passed on at once again.
  pass();
  expect([passed, waiting.length]).toEqual([2, 0]);
  nudge();
  expect(passed).toBe(3);
});
