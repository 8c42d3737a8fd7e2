/** When nobody has been there for long enough: a table of who comes and goes. */
import { describe, expect, test } from "bun:test";
import { idleTime, minuteMs } from "../../../support/idle-time.ts";

/** A clock of 15 minutes; it counts how often it was told. */
function scene() {
  const { clock, pass } = idleTime();
  const told = { times: 0 };
  clock.onIdle = () => (told.times += 1);
  return { clock, told, pass, count: () => clock.count(15 * minuteMs) };
}

type Scene = ReturnType<typeof scene>;

const lives: Readonly<Record<string, { live: (it: Scene) => void; told: number }>> = {
  "nobody comes": { live: ({ count, pass }) => (count(), pass(15)), told: 1 },
  "the time is not over": { live: ({ count, pass }) => (count(), pass(14)), told: 0 },
  "somebody uses it in between": {
    live: ({ clock, count, pass }) => (count(), pass(14), clock.used(), pass(14)),
    told: 0,
  },
  "and then nobody": {
    live: ({ clock, count, pass }) => (count(), pass(14), clock.used(), pass(14), pass(1)),
    told: 1,
  },
  "a client stays": { live: ({ clock, count, pass }) => (count(), clock.begin(), pass(60)), told: 0 },
  "a client stays, and another one goes": {
    live({ clock, count, pass }) {
      count();
      clock.begin();
      clock.begin()();
      pass(60);
    },
    told: 0,
  },
  "a client that goes twice takes nobody else's place": {
    live({ clock, count, pass }) {
      count();
      const leave = clock.begin();
      clock.begin();
      leave();
      leave();
      pass(60);
    },
    told: 0,
  },
  "the time counts from the last client's end": {
    live({ clock, count, pass }) {
      count();
      const leave = clock.begin();
      pass(60);
      leave();
      pass(14);
    },
    told: 0,
  },
  "a client that was there before it counts": {
    live({ clock, count, pass }) {
      const leave = clock.begin();
      count();
      pass(60);
      leave();
      pass(15);
    },
    told: 1,
  },
  "it does not count yet, or any more": {
    live: ({ clock, count, pass }) => (clock.begin()(), pass(60), count(), clock.stop(), clock.used(), pass(60)),
    told: 0,
  },
  "it is told once until it counts anew": { live: ({ count, pass }) => (count(), pass(15), pass(60)), told: 1 },
};

describe("a VM is idle", () => {
  for (const [name, { live, told }] of Object.entries(lives)) {
    test(`${told === 0 ? "never" : "once"}: ${name}`, () => {
      const it = scene();
      live(it);
      expect(it.told.times).toBe(told);
    });
  }
});

test("time that passes is no use, and whoever comes after it is", () => {
  const { clock, count, pass } = scene();
  count();
  const { uses } = clock;
  pass(15);
  expect(clock.uses).toBe(uses);
  clock.begin();
  expect(clock.uses).toBeGreaterThan(uses);
});
