/** A queue (a mutex for async work): one action after the other. */

/**
 * A queue: each action begins when those before it have ended, whether they went well or not, and its caller gets what
 * it gives or throws.
 */
export function newQueue(): <Value>(action: () => Promise<Value>) => Promise<Value> {
  let last: Promise<unknown> = Promise.resolve();
  return (action) => {
    const turn = last.then(action);
    last = turn.catch(() => {});
    return turn;
  };
}
