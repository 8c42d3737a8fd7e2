/** Lazy values: made at their first use. */

/** What gives the thing that `make` makes: made at the first call, and kept. */
export function lazily<Value>(make: () => Value): () => Value {
  let made: Value | undefined;
  return () => (made ??= make());
}
