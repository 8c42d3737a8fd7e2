/** When a guest that goes on for a moment has done what was due: by how long its processors have worked, look by look. */
import { expect, test } from "bun:test";
import { Calm } from "../../../../src/agent/sleep/calm.ts";
import { turn } from "../../../../src/system/clock.ts";
import { workedMsIn } from "../../../../src/system/processor-use.ts";

/** A guest, and what lets its time pass; `rate` is what its processors work in a second of it. */
function scene() {
  const guest = { nowMs: 0, workedMs: 0, rate: 0, looks: 0, onLook: () => {} };
  const timers = new Set<{ readonly atMs: number; readonly action: () => void }>();
  const told: string[] = [];
  const calm = new Calm((text) => void told.push(text), {
    async workedMs() {
      guest.looks += 1;
      guest.onLook();
      return guest.workedMs;
    },
    after(delayMs, action) {
      const timer = { atMs: guest.nowMs + delayMs, action };
      timers.add(timer);
      return { cancel: () => void timers.delete(timer) };
    },
  });
  const pass = async (seconds: number): Promise<string[]> => {
    for (let second = 0; second < seconds; second += 1) {
      guest.nowMs += 1_000;
      guest.workedMs += guest.rate;
      for (const timer of timers) if (timer.atMs <= guest.nowMs && timers.delete(timer)) timer.action();
      await turn();
    }
    return told.splice(0);
  };
  return { guest, pass, ask: (name: string) => calm.tell(() => void told.push(name)) };
}

test("a guest that rests is calm once whoever looks at the clock each minute has looked, and is not looked at again", async () => {
  const { guest, pass, ask } = scene();
  expect([await pass(600), guest.looks]).toEqual([[], 0]);
  guest.rate = 99;
  ask("calm");
  expect([await pass(65), await pass(1), guest.looks]).toEqual([[], ["calm"], 2]);
  expect([await pass(600), guest.looks]).toEqual([[], 2]);
});

test("one that works is calm when that is over", async () => {
  const { guest, pass, ask } = scene();
  ask("calm");
  await pass(60);
  guest.rate = 101;
  expect(await pass(120)).toEqual([]);
  guest.rate = 0;
  expect(await pass(10)).toEqual(["calm"]);
});

test("a newer question takes the place of one before, also in the middle of a look", async () => {
  const { guest, pass, ask } = scene();
  ask("first");
  await pass(30);
  ask("second");
  expect([await pass(65), guest.looks]).toEqual([[], 1]);
  guest.onLook = () => {
    guest.onLook = () => {};
    ask("third");
  };
  expect([await pass(65), await pass(2)]).toEqual([[], ["third"]]);
});

test("one that never rests is not looked at for ever", async () => {
  const { guest, pass, ask } = scene();
  guest.rate = 1_000;
  ask("calm");
  expect(await pass(2 * 3_600)).toEqual([]);
  const { looks } = guest;
  expect([await pass(3_600), guest.looks - looks]).toEqual([[], 0]);
});

test("processors work for programs and the kernel, and not while they wait or serve interrupts", () => {
  const text = "cpu  100 20 3 99999 500 60 7 80 0 0\ncpu0 1 1 1 1\nctxt 5\n";
  expect(workedMsIn(text)).toBe(1_230);
  expect(workedMsIn("intr 1\n")).toBeNaN();
});
