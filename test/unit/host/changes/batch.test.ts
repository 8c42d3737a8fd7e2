/** Changes on their way to a guest that takes no more: gathered, told once, and never without a bound. */
import { expect, test } from "bun:test";
import { Batch } from "../../../../src/host/changes/batch.ts";
import type { HostMessage } from "../../../../src/protocol/messages.ts";

/** A guest that takes as little as the test lets it, and every path that it was told, by message. */
function guest(waitingMax: number) {
  const told: string[][] = [];
  const taken = Promise.withResolvers<void>();
  const batch = new Batch(waitingMax);
  batch.send = (message: HostMessage) => {
    if (message.type === "changes")
      told.push([...message.gone, ...message.there, ...message.folders, ...message.files]);
    return taken.promise;
  };
  return { batch, told, take: () => taken.resolve() };
}

test("what changes while the guest takes no more is gathered, and told once when it does", async () => {
  const { batch, told, take } = guest(100);
  batch.add("there", "/a");
  const first = batch.flush();
  for (let edit = 0; edit < 50; edit += 1) {
    batch.add("files", "/a");
    batch.add("files", `/${edit % 10}`);
    void batch.flush();
  }
  expect(told).toEqual([["/a"]]);
  take();
  await first;
  expect(told).toEqual([["/a"], ["/a", ...Array.from({ length: 10 }, (_, name) => `/${name}`)]]);
});

test("more than may wait is told without waiting, for the link to end a conversation with whoever never reads", () => {
  const { batch, told } = guest(100);
  for (let name = 0; name <= 100; name += 1) {
    batch.add("gone", `/${name}`);
    void batch.flush();
  }
  // One is on its way, a hundred wait.
  expect(told.flat()).toHaveLength(1);
  for (let name = 0; name < 1_000; name += 1) {
    batch.add("gone", `/more-${name}`);
    void batch.flush();
  }
  expect(told.flat().length).toBeGreaterThan(900);
});

test("what is added in the moment in which a sending ends is told when the next flush resolves", async () => {
  for (let steps = 0; steps < 20; steps += 1) {
    const { batch, told, take } = guest(100);
    take();
    batch.add("files", "/first");
    void batch.flush();
    for (let step = 0; step < steps; step += 1) await Promise.resolve();
    batch.add("files", "/last");
    await batch.flush();
    expect(told.flat(), `after ${steps} steps`).toContain("/last");
  }
});
