/** A source of ports that costs something to watch, and so is watched only while there is somebody to watch for. */
import { after, type Timer } from "../../system/clock.ts";

/** How long it is watched when nobody needs it any more: whoever needs it often does not begin anew each time. */
const usualLingerMs = 30_000;

/** One source, begun and ended as it is needed. */
export class NeededSource {
  readonly #watch: (signal: AbortSignal) => void;
  readonly #lingerMs: number;
  #watching: AbortController | undefined;
  #end: Timer | undefined;

  /** `watch` begins, and ends with its signal. */
  constructor(watch: (signal: AbortSignal) => void, lingerMs = usualLingerMs) {
    this.#watch = watch;
    this.#lingerMs = lingerMs;
  }

  /** Says whether anybody needs it now. */
  need(isNeeded: boolean): void {
    if (!isNeeded) {
      if (this.#watching !== undefined) this.#end ??= after(this.#lingerMs, () => this.close());
      return;
    }
    this.#end?.cancel();
    this.#end = undefined;
    if (this.#watching !== undefined) return;
    this.#watching = new AbortController();
    this.#watch(this.#watching.signal);
  }

  /** Ends it. */
  close(): void {
    this.#end?.cancel();
    this.#end = undefined;
    this.#watching?.abort();
    this.#watching = undefined;
  }
}
