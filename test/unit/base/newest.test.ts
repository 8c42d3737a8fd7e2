/** The newest of many: one at a time, and never an older one after a newer one. */
import { expect, test } from "bun:test";
import { newestOf } from "../../../src/base/newest.ts";

/** Takes values as slowly as the test lets it. */
function slow<Value>(join?: (waiting: Value, newer: Value) => Value) {
  const taken: Value[] = [];
  let go = Promise.withResolvers<void>();
  const take = newestOf<Value>(async (value) => {
    taken.push(value);
    await go.promise;
  }, join);
  const next = async (): Promise<void> => {
    const before = go;
    go = Promise.withResolvers();
    before.resolve();
    for (let turns = 0; turns < 5; turns += 1) await Promise.resolve();
  };
  return { taken, take: (value: Value) => void take(value), offer: take, next };
}

test("what comes while one is being taken is taken once, as it was last", async () => {
  const it = slow<number>();
  for (let value = 1; value <= 1_000; value += 1) it.take(value);
  expect(it.taken).toEqual([1]);
  await it.next();
  expect(it.taken).toEqual([1, 1_000]);
  await it.next();
  it.take(1_001);
  expect(it.taken).toEqual([1, 1_000, 1_001]);
});

test("whoever replaces what waits may wait until that begins", async () => {
  const it = slow<number>();
  const order: string[] = [];
  expect([it.offer(1), it.offer(2)]).toEqual([undefined, undefined]);
  void it.offer(3)?.then(() => order.push(`3 waits for ${it.taken.length}`));
  await it.next();
  expect([order, it.taken]).toEqual([["3 waits for 2"], [1, 3]]);
});

test("what waits can be joined with what is newer", async () => {
  const it = slow<{ report: number; choosing: boolean }>((waiting, newer) => ({
    ...newer,
    choosing: waiting.choosing || newer.choosing,
  }));
  it.take({ report: 1, choosing: false });
  it.take({ report: 2, choosing: true });
  it.take({ report: 3, choosing: false });
  await it.next();
  await it.next();
  it.take({ report: 4, choosing: false });
  expect(it.taken.map(({ report, choosing }) => `${report} ${choosing}`)).toEqual(["1 false", "3 true", "4 false"]);
});
