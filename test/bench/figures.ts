/** Figures of a benchmark, and how they are told. */

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** How long an action takes, in milliseconds. */
export async function timedMs(action: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await action();
  return performance.now() - begin;
}

/** Runs `first` and `second` in turn, `rounds` times each, after one round of both that does not count. */
export async function inTurn(
  rounds: number,
  first: () => Promise<number>,
  second: () => Promise<number>,
): Promise<readonly [number[], number[]]> {
  const values: [number[], number[]] = [[], []];
  await first();
  await second();
  for (let round = 0; round < rounds; round += 1) {
    values[0].push(await first());
    values[1].push(await second());
  }
  return values;
}

/** A ratio of two medians with its parts and its aim, as one line. */
export function ratioLine(
  what: string,
  [ours, theirs]: readonly [readonly number[], readonly number[]],
  unit: string,
  aim: string,
): string {
  const parts = [ours, theirs].map((values) => median(values).toFixed(unit === "s" ? 1 : unit === "ms" ? 1 : 0));
  return `${what}: ${(median(ours) / median(theirs)).toFixed(2)} (${parts[0]} and ${parts[1]} ${unit}; aim: ${aim})`;
}

/** The value that `share` of the values are not above: 0.5 is about the middle, 0.99 all but the slowest hundredth. */
export function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? Number.NaN;
}
