/** Listing whenever something may have changed: never twice at once, never an old list after a newer one. */
import { expect, test } from "bun:test";
import { Lister } from "../../../src/base/lister.ts";

type Listing = {
  readonly lister: Lister<string>;
  /** One for each list that has begun. */
  readonly lists: PromiseWithResolvers<readonly string[]>[];
  readonly handed: (readonly string[])[];
  /** The most lists that were under way at once. */
  mostAtOnce: number;
};

/** A lister whose lists end when the test says so. */
function listing(): Listing {
  const lists: Listing["lists"] = [];
  const handed: Listing["handed"] = [];
  let underWay = 0;
  const list = async (): Promise<readonly string[]> => {
    underWay += 1;
    all.mostAtOnce = Math.max(all.mostAtOnce, underWay);
    const next = Promise.withResolvers<readonly string[]>();
    lists.push(next);
    try {
      return await next.promise;
    } finally {
      underWay -= 1;
    }
  };
  const all: Listing = { lister: new Lister(list, (items) => handed.push(items)), lists, handed, mostAtOnce: 0 };
  return all;
}

/** Lets everything that is ready now happen. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test("a refresh lists at once and is over when the list has been handed on", async () => {
  const it = listing();
  const done = it.lister.refresh();
  expect([it.lists.length, it.handed]).toEqual([1, []]);
  it.lists[0]?.resolve(["a"]);
  await done;
  expect(it.handed).toEqual([["a"]]);
});

test("a refresh that begins during a list gets a newer one, which all who came by then share", async () => {
  const it = listing();
  const first = it.lister.refresh();
  const later = [it.lister.refresh(), it.lister.refresh(), it.lister.refresh()];
  let isLaterDone = false;
  void Promise.race(later).then(() => (isLaterDone = true));
  it.lists[0]?.resolve(["old"]);
  await first;
  await turn();
  expect([it.lists.length, isLaterDone, it.handed]).toEqual([2, false, [["old"]]]);
  it.lists[1]?.resolve(["new"]);
  await Promise.all(later);
  expect([it.lists.length, it.handed, it.mostAtOnce]).toEqual([2, [["old"], ["new"]], 1]);
});

test("a refresh between the end of one list and the begin of the next lists no third time beside it", async () => {
  const it = listing();
  const first = it.lister.refresh();
  // Who waits for the first list comes before the one that is promised.
  const third = first.then(() => it.lister.refresh());
  const second = it.lister.refresh();
  it.lists[0]?.resolve(["old"]);
  await turn();
  it.lists[1]?.resolve(["new"]);
  await Promise.all([second, third]);
  expect([it.lists.length, it.handed, it.mostAtOnce]).toEqual([2, [["old"], ["new"]], 1]);
});

test("a list that fails fails those who wait for it, and no other", async () => {
  const it = listing();
  const first = it.lister.refresh();
  const second = it.lister.refresh();
  const outcomes = Promise.allSettled([first, second]);
  it.lists[0]?.reject(new Error("gone"));
  await turn();
  it.lists[1]?.resolve(["b"]);
  expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
  const third = it.lister.refresh();
  it.lists[2]?.reject(new Error("gone again"));
  expect(await third.catch(String)).toBe("Error: gone again");
  const fourth = it.lister.refresh();
  it.lists[3]?.resolve(["d"]);
  await fourth;
  expect([it.handed, it.mostAtOnce]).toEqual([[["b"], ["d"]], 1]);
});

test("a list that cannot be handed on is a failure, and the next one is tried", async () => {
  const handed: string[][] = [];
  const lister = new Lister(
    async () => ["x"],
    (items) => {
      handed.push([...items]);
      if (handed.length === 1) throw new Error("no room");
    },
  );
  expect(await lister.refresh().catch(String)).toBe("Error: no room");
  await lister.refresh();
  expect(handed).toEqual([["x"], ["x"]]);
});

test("nudges that share a list are told of it once, of its failure too", async () => {
  const it = listing();
  const told: string[] = [];
  const nudge = (): void =>
    it.lister.nudge(
      () => told.push("listed"),
      (error) => told.push(String(error)),
    );
  for (let index = 0; index < 50; index += 1) nudge();
  it.lists[0]?.resolve([]);
  await turn();
  expect([it.lists.length, told]).toEqual([2, ["listed"]]);
  nudge();
  nudge();
  it.lists[1]?.reject(new Error("gone"));
  await turn();
  it.lists[2]?.resolve([]);
  await turn();
  nudge();
  it.lists[3]?.resolve([]);
  await turn();
  expect([it.lists.length, told]).toEqual([4, ["listed", "Error: gone", "listed", "listed"]]);
});
