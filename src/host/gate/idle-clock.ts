/** Tells when nobody has been there for some time: clients come and go, and the time counts while there is none. */
import { after, type Timer } from "../../system/clock.ts";

/**
 * The clock of one VM's clients. It stands still while this machine sleeps, as its timer does: whoever opens a laptop
 * again finds the guest as it was.
 */
export class IdleClock {
  /** Called once when the time is over. */
  onIdle: () => void = () => {};

  readonly #after: typeof after;
  #clients = 0;
  #waitMs: number | undefined;
  #timer: Timer | undefined;
  #isUnused = false;

  /** `wait` sets a timer; the system's own unless given. */
  constructor(wait = after) {
    this.#after = wait;
  }

  /** Begins to count, anew where it counts already; each use begins it again, until `stop`. */
  count(waitMs: number): void {
    this.#waitMs = waitMs;
    this.used();
  }

  stop(): void {
    this.#waitMs = undefined;
    this.used();
  }

  /** Somebody uses the VM at this moment. */
  used(): void {
    this.#isUnused = false;
    this.#timer?.cancel();
    if (this.#waitMs === undefined || this.#clients > 0) return;
    this.#timer = this.#after(this.#waitMs, () => {
      this.#isUnused = true;
      this.onIdle();
    });
  }

  /** A client is there until what it gives back is called. */
  begin(): () => void {
    let isGone = false;
    this.#clients += 1;
    this.used();
    return () => {
      if (isGone) return;
      isGone = true;
      this.#clients -= 1;
      this.used();
    };
  }

  /** Whether the time is over, and nobody has come since. */
  get isUnused(): boolean {
    return this.#isUnused;
  }
}
