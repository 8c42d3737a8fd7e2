/** Figures of a benchmark, and how they are told. */

/** A ratio of two medians: what is compared, what it is made of, and what it should be. */
export type Ratio = { readonly what: string; readonly ratio: number; readonly parts: string; readonly aim: string };

/** What a benchmark tells: ratios, which the next run is compared with, and sentences. */
export type Told = Ratio | string;

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** How many seconds it takes. */
export async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return (performance.now() - begin) / 1000;
}

/** Runs `first` and `second` in turn, `rounds` times each, after one round of both that does not count. */
export async function inTurn<Value>(
  rounds: number,
  first: () => Promise<Value>,
  second: () => Promise<Value>,
): Promise<readonly [Value[], Value[]]> {
  const values: [Value[], Value[]] = [[], []];
  await first();
  await second();
  for (let round = 0; round < rounds; round += 1) {
    values[0].push(await first());
    values[1].push(await second());
  }
  return values;
}

/** The ratio of two medians. Its aim is "at most" or "at least" a number, or in other words. */
export function ratioOf(
  what: string,
  [ours, theirs]: readonly [readonly number[], readonly number[]],
  unit: string,
  aim: string,
): Ratio {
  const parts = [ours, theirs].map((values) => median(values).toFixed(unit === "s" || unit === "ms" ? 1 : 0));
  return { what, ratio: median(ours) / median(theirs), parts: `${parts[0]} and ${parts[1]} ${unit}`, aim };
}

/** The value that `share` of the values are not above: 0.5 is about the middle, 0.99 all but the slowest hundredth. */
export function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? Number.NaN;
}
