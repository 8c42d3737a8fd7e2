/** Joins two connections whose bytes are plain, as one pipe each way: with backpressure, half-close and reset. */
import type { Connection, Handlers } from "./connection.ts";

/** Who hears of bytes that pass, and that all is over. */
type JoinObserver = { readonly onBytes: () => void; readonly onDone: () => void };

/** Passes on what each of them says until both are closed; `onDone` is called once then. Both may be paused. */
export function join(one: Connection, other: Connection, { onBytes, onDone }: JoinObserver): void {
  let open = 2;
  const settle = (): void => {
    open -= 1;
    if (open === 0) onDone();
  };
  const pairs = [
    [one, other],
    [other, one],
  ] as const;
  for (const [from, to] of pairs) {
    const handlers = passing(from, to, settle, onBytes);
    from.take(handlers);
    if (from.isClosed) handlers.onClose(undefined);
  }
  for (const [from] of pairs) from.resume();
}

// --- internal ---

function passing(from: Connection, to: Connection, settle: () => void, onBytes: JoinObserver["onBytes"]) {
  return {
    onData(bytes) {
      onBytes();
      if (!to.write(bytes)) from.pause();
    },
    onDrain: () => to.resume(),
    onEnd: () => to.end(),
    onClose(error) {
      if (error === undefined) to.end();
      else to.reset();
      settle();
    },
  } satisfies Handlers;
}
