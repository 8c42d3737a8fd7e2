/** Tells when a guest that was paused, and goes on for what is due by the clock alone, has done that. */
import { messageOf } from "../../base/errors.ts";
import { after, type Timer } from "../../system/clock.ts";
import { workedMs } from "../../system/processor-use.ts";

/**
 * Whoever looks at the clock once a minute, as cron does, has looked by then: who waits counts the guest's own time,
 * which stood still, and has up to a minute of it left.
 */
const minuteMs = 61_000;

/** It is calm when its processors have together worked no longer than that in such a time. */
const windowMs = 5_000;
const calmMs = 500;

/** Nobody waits for more looks: the host has paused the guest by then, or somebody uses it. */
const looksMax = 600;

/** What is looked at, and what sets a timer; the system's own unless given. */
const ownSystem = {
  workedMs,
  after: (delayMs: number, action: () => void): Timer => after(delayMs, action, { background: true }),
};

/** The calm of one guest. Nothing is looked at unless the host has asked. */
export class Calm {
  readonly #log: (text: string) => void;
  readonly #system: typeof ownSystem;
  /** The look that comes next; a newer question has another one. */
  #next: Timer | undefined;

  constructor(log: (text: string) => void, system: typeof ownSystem = ownSystem) {
    this.#log = log;
    this.#system = system;
  }

  /** Calls `answer` once the guest is calm, unless it is asked again before. */
  tell(answer: () => void): void {
    this.#next?.cancel();
    this.#lookIn(minuteMs, { answer, beforeMs: undefined, looks: looksMax });
  }

  #lookIn(delayMs: number, question: Question): void {
    const look: Timer = this.#system.after(delayMs, () => {
      void this.#look(question, () => this.#next === look).catch((error: unknown) =>
        this.#log(`calm: ${messageOf(error)}`),
      );
    });
    this.#next = look;
  }

  async #look({ answer, beforeMs, looks }: Question, isWanted: () => boolean): Promise<void> {
    const nowMs = await this.#system.workedMs();
    if (!isWanted()) return;
    if (beforeMs !== undefined && nowMs - beforeMs <= calmMs) return answer();
    if (looks > 0) this.#lookIn(windowMs, { answer, beforeMs: nowMs, looks: looks - 1 });
  }
}

// --- internal ---

/** `beforeMs`: how long the processors had worked at the last look. */
type Question = { readonly answer: () => void; readonly beforeMs: number | undefined; readonly looks: number };
