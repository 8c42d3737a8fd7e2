/** The door to jumps of this machine's clock: somebody sets it, or the machine sleeps and wakes. */
import { closeSync } from "node:fs";
import { every } from "../clock.ts";
import { cancelableTimer } from "./libc.ts";

/** How often the clocks are compared where no event tells of a jump, and what more than that apart counts as one. */
const comparedMs = 1_000;
const jumpMs = 100;

/**
 * Calls `onJump` after each jump, until closed. On Linux the kernel tells (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET:
 * a jump cancels the timer, and waking counts as one), and nothing runs until then. Elsewhere the clock of the day is
 * compared once a second with the one that only goes on while the machine is awake.
 */
export function watchTimeJumps(onJump: () => void): { close(): void } {
  return process.platform === "linux" ? (watchTimer(onJump) ?? compareClocks(onJump)) : compareClocks(onJump);
}

/** The same by comparing two clocks in milliseconds, of which only the first one jumps. */
export function compareClocks(
  onJump: () => void,
  { wall = Date.now, steady = () => performance.now() }: { wall?: () => number; steady?: () => number } = {},
): { close(): void } {
  let apart = wall() - steady();
  const timer = every(comparedMs, () => {
    const now = wall() - steady();
    // Compared with the last time: a clock that is only slowed down or sped up does not jump.
    if (Math.abs(now - apart) > jumpMs) onJump();
    apart = now;
  });
  return { close: () => timer.cancel() };
}

// --- internal ---

/** Nothing on a kernel that has no such timer for us. */
function watchTimer(onJump: () => void): { close(): void } | undefined {
  const first = cancelableTimer();
  if (first === undefined) return undefined;
  const closed = new AbortController();
  let reader: { cancel(): Promise<void> } | undefined;
  const wait = async (): Promise<void> => {
    // A timer tells once.
    for (let fd: number | undefined = first; fd !== undefined && !closed.signal.aborted; fd = cancelableTimer()) {
      const waiting = Bun.file(fd).stream().getReader();
      reader = waiting;
      // It never expires; reading it fails when it is cancelled (ECANCELED), and ends when nobody waits any more.
      await waiting.read().catch(() => {});
      closeSync(fd);
      if (!closed.signal.aborted) onJump();
    }
  };
  void wait();
  return {
    close: () => {
      closed.abort();
      void reader?.cancel();
    },
  };
}
