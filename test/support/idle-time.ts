/** An idle clock whose time a test lets pass, in minutes. */
import { IdleClock } from "../../src/host/gate/idle-clock.ts";

export const minuteMs = 60_000;

/** The clock, and what lets its time pass. */
export function idleTime() {
  let nowMs = 0;
  let due: { readonly atMs: number; readonly action: () => void } | undefined;
  const clock = new IdleClock((delayMs, action) => {
    const timer = { atMs: nowMs + delayMs, action };
    due = timer;
    return { cancel: () => void (due === timer && (due = undefined)) };
  });
  const pass = (minutes: number): void => {
    nowMs += minutes * minuteMs;
    if (due === undefined || due.atMs > nowMs) return;
    const { action } = due;
    due = undefined;
    action();
  };
  return { clock, pass };
}
