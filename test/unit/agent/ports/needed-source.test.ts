/** A source of ports that is watched only while somebody needs it. */
import { expect, test } from "bun:test";
import { NeededSource } from "../../../../src/agent/ports/needed-source.ts";
import { pause } from "../../../../src/system/clock.ts";

test("a source is watched from the first need on, once, and no more when nobody has needed it for a while", async () => {
  const signals: AbortSignal[] = [];
  const source = new NeededSource((signal) => void signals.push(signal), 20);
  source.need(false);
  expect(signals).toEqual([]);
  source.need(true);
  source.need(false);
  source.need(true);
  await pause(40);
  expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
  source.need(false);
  const ended = Promise.withResolvers<void>();
  signals[0]?.addEventListener("abort", () => ended.resolve());
  await ended.promise;
  source.need(true);
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
  source.close();
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
});
