/** What a killed process has left of requests that it had put aside. */
import { expect, test } from "bun:test";
import { SlowSyncs, syncKind } from "../../../../src/host/virtiofs/fuse/slow-syncs.ts";

const syncOf = (ring: number, head = 7) => ({
  ring,
  head,
  uniqueLow: 4_000_000_002,
  uniqueHigh: 1,
  handle: 3,
  kind: syncKind.folderData,
});

test("another process finds what is pending of each ring, as it was said", () => {
  const words = new Uint32Array(1024);
  const syncs = new SlowSyncs(words);
  const [first = -1, second = -1] = [syncs.add(syncOf(1)), syncs.add(syncOf(2, 9))];
  const after = new SlowSyncs(words);
  expect([after.takeOver(1, 5), after.takeOver(2, 0), after.takeOver(3, 0)]).toEqual([1, 1, 0]);
  expect([after.of(), after.of(2)]).toEqual([[first, second], [second]]);
  expect([after.get(first), after.get(second)]).toEqual([syncOf(1), syncOf(2, 9)]);
  after.end(first, 5, () => {});
  expect([after.get(first), after.of()]).toEqual([undefined, [second]]);
});

test.each([
  ["before the ring knew", 5, 1],
  ["after the ring knew", 6, 0],
])("what was just being answered %s is answered once", (_when, done, pending) => {
  const words = new Uint32Array(1024);
  const syncs = new SlowSyncs(words);
  const place = syncs.add(syncOf(1)) ?? -1;
  const killed = (): never => {
    throw new Error("killed");
  };
  expect(() => syncs.end(place, 5, killed)).toThrow("killed");
  const after = new SlowSyncs(words);
  expect(after.takeOver(2, done)).toBe(0);
  expect([after.takeOver(1, done), after.of(1).length]).toEqual([pending, pending]);
});

test("there is room for sixteen, and again for one that has ended", () => {
  const syncs = new SlowSyncs(new Uint32Array(1024));
  const places = Array.from({ length: 17 }, () => syncs.add(syncOf(1)));
  expect(places).toEqual([...Array.from({ length: 16 }, (_, index) => index), undefined]);
  syncs.end(4, 0, () => {});
  expect([syncs.add(syncOf(1)), syncs.get(16), syncs.get(4_000_000_000)]).toEqual([4, undefined, undefined]);
});
