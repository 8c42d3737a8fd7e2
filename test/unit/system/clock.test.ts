/** Timers, at the edge of what the runtime has. */
import { expect, test } from "bun:test";
import { after, every } from "../../../src/system/clock.ts";

test("what is to come in a month does not come at once", async () => {
  const come: string[] = [];
  const monthMs = 30 * 86_400_000;
  const timers = [after(monthMs, () => come.push("after")), every(monthMs, () => come.push("every"))];
  // The runtime's timers come in the order of their times; one of a month counted as 1 ms.
  await new Promise<void>((resolve) => void after(5, resolve));
  for (const timer of timers) timer.cancel();
  expect(come).toEqual([]);
});
