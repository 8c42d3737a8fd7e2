/** The guest's clock, set by the host's: the guest has no other source of time, and sleeps when the host does. */
import type { HostMessage } from "../../protocol/messages.ts";
import { setClock } from "../../system/kernel/libc.ts";

/** What is less than this apart is left alone: programs like a clock that does not jump. */
const toleratedMs = 100;

/** An answer that took longer says little about the time; the host is asked again, at most so often. */
const goodTripMs = 50;
const triesMax = 8;

/** The clocks that are compared and set; `steady` never jumps. All in milliseconds. */
export type Clocks = {
  readonly wall: () => number;
  readonly steady: () => number;
  readonly set: (ms: number) => void;
};

const ownClocks: Clocks = { wall: Date.now, steady: () => performance.now(), set: setClock };

/** Asks the host for the time whenever it says that the clock may be wrong, and sets it when it is. */
export class GuestClock {
  readonly #log: (text: string) => void;
  readonly #clocks: Clocks;
  #tries = 0;
  /** The answer that took the shortest time, and how far off it found the clock. */
  #best = { tripMs: Number.POSITIVE_INFINITY, offMs: 0 };

  constructor(log: (text: string) => void, clocks: Clocks = ownClocks) {
    this.#log = log;
    this.#clocks = clocks;
  }

  /** Takes what the host says; `ask` asks it on the same link. */
  hear({ answer }: Extract<HostMessage, { type: "clock" }>, ask: (asked: number) => void): void {
    const { wall, steady, set } = this.#clocks;
    if (answer === undefined) {
      this.#tries = 1;
      this.#best = { tripMs: Number.POSITIVE_INFINITY, offMs: 0 };
      return ask(steady());
    }
    const taken = steady() - answer.asked;
    // The answer was given somewhere on the way: in the middle, give or take half of it (Cristian, 1989).
    if (taken < this.#best.tripMs) this.#best = { tripMs: taken, offMs: answer.nowMs + taken / 2 - wall() };
    if (taken > goodTripMs && this.#tries < triesMax) {
      this.#tries += 1;
      return ask(steady());
    }
    const { tripMs, offMs } = this.#best;
    if (Math.abs(offMs) < Math.max(toleratedMs, tripMs / 2)) return;
    try {
      set(wall() + offMs);
      this.#log(
        `The guest's clock was ${(Math.abs(offMs) / 1000).toFixed(1)} s ${offMs > 0 ? "slow" : "fast"} and is set.`,
      );
    } catch (error) {
      this.#log(`The guest's clock cannot be set: ${String(error)}`);
    }
  }
}
