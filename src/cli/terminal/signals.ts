/** Termination signals, as an AbortSignal. */
import { outlivesTerminal } from "../../system/kernel/hang-up.ts";

/**
 * Aborts at the first SIGINT, SIGTERM or SIGHUP; a closed terminal (SIGHUP) must not leave half a start behind, unless
 * this process was started to outlive it (nohup).
 */
export function interruption(): { readonly signal: AbortSignal } & Disposable {
  const controller = new AbortController();
  const onSignal = (): void => controller.abort();
  const names = endingSignals();
  for (const name of names) process.on(name, onSignal);
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const name of names) process.off(name, onSignal);
    },
  };
}

/**
 * As `interruption`, and it aborts too when standard output is a pipe whose reader has gone (EPIPE), such as `head`.
 */
export function interruptionOrNoReader(): { readonly signal: AbortSignal } & Disposable {
  const interrupted = interruption();
  const gone = new AbortController();
  process.stdout.once("error", () => gone.abort());
  return {
    signal: AbortSignal.any([interrupted.signal, gone.signal]),
    [Symbol.dispose]: () => interrupted[Symbol.dispose](),
  };
}

/** What ends this process, if nobody listens for it. */
export function endingSignals(): readonly NodeJS.Signals[] {
  return outlivesTerminal() ? ["SIGINT", "SIGTERM"] : ["SIGINT", "SIGTERM", "SIGHUP"];
}
