/** Chance that can be had again: tests of garbage name their seed, and `QN_SEED` gives it back to them. */
import { test } from "bun:test";
import { randomInt } from "node:crypto";

/** What a seed decides, always in the same order. */
export type Chance = {
  /** A whole number from 0 to below `limit`. */
  below(limit: number): number;
  pick<Value>(values: readonly Value[]): Value;
  /** So many bytes. */
  bytes(count: number): Buffer;
  /** A copy with a few bits turned over. */
  spoil(bytes: Uint8Array): Buffer;
};

/** A `test` that is given chance; its name ends with the seed, so that a failure tells it. */
export function testWithChance(name: string, action: (chance: Chance) => Promise<void>, timeoutMs = 20_000): void {
  const seed = Number(process.env["QN_SEED"] ?? randomInt(2 ** 31));
  test(`${name} (QN_SEED=${seed})`, () => action(chanceOf(seed)), timeoutMs);
}

// --- internal ---

/** Mulberry32: 32 bits of state, good enough to make garbage of. */
function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const below = (limit: number): number => next() % limit;
  return {
    below,
    pick<Value>(values: readonly Value[]): Value {
      const [value] = values.slice(below(values.length));
      return value as Value;
    },
    bytes: (count) => Buffer.from(Array.from({ length: count }, () => below(256))),
    spoil(bytes) {
      const spoiled = Buffer.from(bytes);
      for (let times = 1 + below(4); times > 0; times -= 1) {
        const at = below(spoiled.length);
        spoiled[at] = (spoiled[at] ?? 0) ^ (1 << below(8));
      }
      return spoiled;
    },
  };
}
