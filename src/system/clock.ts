/** The door to time: deadlines and pauses that can be called off. */

/** A timer that was set; calling it off twice is harmless. */
export type Timer = { cancel(): void };

/**
 * Calls `action` once after `delayMs`, some 24 days at the most, unless called off. Never keeps the process alive by
 * itself when `background`.
 */
export function after(delayMs: number, action: () => void, options: { background?: boolean } = {}): Timer {
  const timer = setTimeout(action, Math.min(delayMs, delayMsMax));
  if (options.background === true) timer.unref();
  return { cancel: () => clearTimeout(timer) };
}

/**
 * Calls `action` again and again, `periodMs` apart, until called off: for the few things that nobody tells of, and only
 * while somebody needs them.
 */
export function every(periodMs: number, action: () => void): Timer {
  const timer = setInterval(action, Math.min(periodMs, delayMsMax));
  return { cancel: () => clearInterval(timer) };
}

/**
 * The value of `promise`, or what comes first: the error that `late` makes when `deadlineMs` have passed, or the reason
 * of `calledOff`. The loser is left to itself, so give it an owner that ends it.
 */
export async function within<Value>(
  promise: Promise<Value>,
  deadlineMs: number,
  late: () => Error,
  calledOff?: AbortSignal,
): Promise<Value> {
  const { promise: expired, reject } = Promise.withResolvers<never>();
  const timer = after(deadlineMs, () => reject(late()));
  const stop = (): void => reject(calledOff?.reason);
  calledOff?.addEventListener("abort", stop, { once: true });
  if (calledOff?.aborted === true) stop();
  try {
    return await Promise.race([promise, expired]);
  } finally {
    timer.cancel();
    calledOff?.removeEventListener("abort", stop);
  }
}

/** Resolves when whoever else waited for the loop has had a turn: for work that would keep it busy for long. */
export async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/**
 * Resolves after `delayMs`, or at once when `signal` fires. For the pause between two tries to reach something that is
 * known to be down; whoever waits for something that can tell waits for that instead.
 */
export async function pause(delayMs: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = after(delayMs, resolve);
  const stop = (): void => resolve();
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted === true) stop();
  await promise;
  timer.cancel();
  signal?.removeEventListener("abort", stop);
}

// --- internal ---

/** A timer of the runtime whose delay does not fit into 31 bits fires at once. */
const delayMsMax = 2 ** 31 - 1;
