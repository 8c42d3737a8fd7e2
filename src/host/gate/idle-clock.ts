/** Tells when nobody has been there for some time: clients come and go, and the time counts while there is none. */
import { after, type Timer } from "../../system/clock.ts";

/**
 * The clock of one VM's clients. It stands still while this machine sleeps, as its timer does: whoever opens a laptop
 * again finds the guest as it was.
 */
export class IdleClock {
  /** Called once when a time is over, with its place among those that count. */
  onIdle: (place: number) => void = () => {};

  readonly #after: typeof after;
  #clients = 0;
  #timesMs: readonly number[] = [];
  #timer: Timer | undefined;
  #uses = 0;

  /** `wait` sets a timer; the system's own unless given. */
  constructor(wait = after) {
    this.#after = wait;
  }

  /** Begins to count these times, the shortest first, anew where it counts; each use begins it again, until `stop`. */
  count(...timesMs: readonly number[]): void {
    this.#timesMs = timesMs;
    this.used();
  }

  stop(): void {
    this.count();
  }

  /** Somebody uses the VM at this moment. */
  used(): void {
    this.#uses += 1;
    this.#timer?.cancel();
    if (this.#clients === 0) this.#wait(0);
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

  #wait(place: number): void {
    const timeMs = this.#timesMs[place];
    if (timeMs === undefined) return;
    this.#timer = this.#after(timeMs - (this.#timesMs[place - 1] ?? 0), () => {
      this.#wait(place + 1);
      this.onIdle(place);
    });
  }

  /** As long as it is the same number nobody has come, and the times count on. */
  get uses(): number {
    return this.#uses;
  }
}
