/** How long a server that fails is given: some tries, further and further apart. */
import { messageOf, QnError } from "../../../base/errors.ts";
import { pause } from "../../../system/clock.ts";
import { calledOff, PassingFailure } from "./ask-server.ts";

/** Failures in a row that are borne, the first pause between two tries, and how long nothing may come. */
export type Limits = { readonly failuresMax: number; readonly firstPauseMs: number; readonly silenceMs: number };

/** 1 + 2 + 4 + 8 s of pauses: a server that is started anew, a machine that joins another network. */
export const usualLimits: Limits = { failuresMax: 5, firstPauseMs: 1000, silenceMs: 30_000 };

/**
 * What has to have come between two failures for them not to count as being in a row: bytes that drip are no progress.
 */
export const progressBytes = 256 * 1024;

/** Counts failures. */
export type Patience = {
  /** Waits before the next try. Throws what no try mends, and IMAGE_PULL_FAILED after the last. */
  afterFailure(error: unknown, hadProgress: boolean): Promise<void>;
};

/** A patience that has seen no failure yet. `signal` calls it off. */
export function patienceOf(limits: Limits, signal: AbortSignal): Patience {
  let failures = 0;
  return {
    async afterFailure(error, hadProgress) {
      if (!(error instanceof PassingFailure)) throw error;
      failures = hadProgress ? 1 : failures + 1;
      if (failures >= limits.failuresMax) {
        throw new QnError("IMAGE_PULL_FAILED", `It was tried ${failures} times in vain: ${messageOf(error)}.`, {
          cause: error,
        });
      }
      await pause(limits.firstPauseMs * 2 ** (failures - 1), signal);
      if (signal.aborted) throw calledOff();
    },
  };
}

/** Asks until there is an answer. Throws what no try mends, and IMAGE_PULL_FAILED after the last. */
export async function patiently<Answer>(
  limits: Limits,
  signal: AbortSignal,
  ask: () => Promise<Answer>,
): Promise<Answer> {
  const patience = patienceOf(limits, signal);
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      await patience.afterFailure(error, false);
    }
  }
}
