/** A VM whose supervisor is this very process. */
import { errorOf, QnError } from "../../base/errors.ts";
import type { VmPaths } from "../layout.ts";
import { connectControl, endedWithoutWord, eventsOf } from "../supervisor/control.ts";
import type { ControlEvent } from "../supervisor/messages.ts";
import type { SuperviseOptions } from "../supervisor/options.ts";
import { supervise } from "../supervisor/run.ts";

/** It runs until `ended`, which rejects with what it failed with; `end` ends it at once. */
export type OwnVm = { readonly ended: Promise<void>; end(): Promise<void> };

/** What is not the same for every VM here. */
export type OwnVmOptions = Omit<SuperviseOptions, "limits" | "onListening" | "signal"> & {
  readonly signal: AbortSignal;
  /** Hears of all until it runs, and of warnings from then on. */
  readonly onEvent: (event: ControlEvent) => void;
};

/** Starts it, and resolves when its Docker answers. It is gone when that fails. Throws why, and INTERRUPTED. */
export async function startOwnVm({ signal, onEvent, ...options }: OwnVmOptions): Promise<OwnVm> {
  const { promise: listening, resolve } = Promise.withResolvers<void>();
  const never = new AbortController().signal;
  const ended = supervise({ ...options, limits: {}, onListening: resolve, signal: never });
  ended.catch(() => {});
  const end = async (): Promise<void> => {
    const control = await connectControl(options.paths.controlSocket);
    control?.ask({ ask: "stop", force: true });
    await ended.catch(() => {});
    control?.close();
  };
  await Promise.race([listening, ended]);
  try {
    await untilRunning(options.paths, signal, onEvent);
    return { ended, end };
  } catch (error) {
    await end();
    throw signal.aborted ? new QnError("INTERRUPTED", "The start was called off.", { cause: error }) : error;
  }
}

// --- internal ---

async function untilRunning(
  { controlSocket }: VmPaths,
  signal: AbortSignal,
  onEvent: (event: ControlEvent) => void,
): Promise<void> {
  const control = await connectControl(controlSocket);
  if (control === undefined) throw endedWithoutWord();
  const callOff = (): void => control.ask({ ask: "stop", force: true });
  signal.addEventListener("abort", callOff, { once: true });
  if (signal.aborted) callOff();
  const { promise: running, resolve, reject } = Promise.withResolvers<void>();
  const follow = async (): Promise<void> => {
    let isRunning = false;
    for await (const event of eventsOf(control, { ask: "follow" })) {
      if (!isRunning || event.event === "warning") onEvent(event);
      if (event.event === "failed") throw errorOf(event.error);
      isRunning ||= event.event === "running";
      if (isRunning) resolve();
    }
    throw endedWithoutWord();
  };
  // Once it runs, how it ends is told by `ended`.
  follow().catch(reject);
  try {
    await running;
  } finally {
    signal.removeEventListener("abort", callOff);
  }
}
