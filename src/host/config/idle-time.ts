/** Spans of time as settings have them: `never`, or a number with its unit, such as 90s, 15m or 2h. */
import * as v from "valibot";

/** Timers of the runtime go no further than some 24 days. */
const daysMax = 7;

const unitsMs = { s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** How long a VM has to go on at least for what looks at the clock once a minute: a minute, and what that does then. */
const momentMs = 120_000;

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

/**
 * What a person should know who has a paused VM go on by itself: without a pause it does nothing, and with a short one
 * what looks at the clock once a minute is not through when the VM is paused again.
 */
export function wakeWarnings({ pause, wake }: { readonly pause: string; readonly wake: string }): readonly string[] {
  const pauseMs = msIn(pause);
  if (msIn(wake) === undefined || (pauseMs !== undefined && pauseMs >= momentMs)) return [];
  const but =
    pauseMs === undefined
      ? "the VM is never paused"
      : "it goes on for no longer than that; what looks at the clock once a minute needs 2m";
  return [`idle.wake is "${wake}", but idle.pause is "${pause}": ${but}.`];
}

/** Such a text in milliseconds; undefined for never. */
export function msIn(text: string): number | undefined {
  const [, number, unit] = /^(\d+)([smh])$/.exec(text) ?? [];
  if (unit !== "s" && unit !== "m" && unit !== "h") return undefined;
  return Number(number) * unitsMs[unit];
}
