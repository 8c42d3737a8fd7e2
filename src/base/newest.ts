/** Coalesces: of values that come faster than they can be taken, the newest is taken. */

/**
 * What takes values one at a time; of those that come meanwhile one is kept: the newest, or what `join` makes of the
 * one that waits and the newer. Then what it gives back resolves when that has its turn, for whoever need not be
 * faster. Only for what repeats the whole state, where an older value says nothing more. `take` owns its errors.
 */
export function newestOf<Value>(
  take: (value: Value) => Promise<void>,
  join: (waiting: Value, newer: Value) => Value = (_waiting, newer) => newer,
): (value: Value) => Promise<void> | undefined {
  let isTaking = false;
  let begun = Promise.withResolvers<void>();
  let waiting: { readonly value: Value } | undefined;
  const takeAll = async (): Promise<void> => {
    isTaking = true;
    try {
      for (let next = waiting; next !== undefined; next = waiting) {
        waiting = undefined;
        begun.resolve();
        begun = Promise.withResolvers();
        await take(next.value);
      }
    } finally {
      isTaking = false;
    }
  };
  return (value) => {
    const isJoined = waiting !== undefined;
    waiting = { value: waiting === undefined ? value : join(waiting.value, value) };
    if (!isTaking) void takeAll();
    return isJoined ? begun.promise : undefined;
  };
}
