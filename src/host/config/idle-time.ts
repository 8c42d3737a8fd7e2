/** Spans of time as settings have them: `never`, or a number with its unit, such as 90s, 15m or 2h. */
import * as v from "valibot";

/** Timers of the runtime go no further than some 24 days. */
const daysMax = 7;

const unitsMs = { s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** The schema of a setting that is one. */
export const idleTime = () =>
  v.pipe(
    v.string("must be never, or a time such as 15m or 2h"),
    v.regex(/^(never|[1-9][0-9]{0,5}[smh])$/, "must be never, or a time such as 15m or 2h"),
    v.check((text) => (msIn(text) ?? 0) <= daysMax * 24 * unitsMs.h, `must be at most ${daysMax * 24}h`),
  );

/** Whether a VM with these settings stands still when nobody uses it. */
export function rests({ after, pause }: { readonly after: string; readonly pause: string }): boolean {
  return msIn(after) !== undefined || msIn(pause) !== undefined;
}

/** Such a text in milliseconds; undefined for never. */
export function msIn(text: string): number | undefined {
  const [, number, unit] = /^(\d+)([smh])$/.exec(text) ?? [];
  if (unit !== "s" && unit !== "m" && unit !== "h") return undefined;
  return Number(number) * unitsMs[unit];
}
