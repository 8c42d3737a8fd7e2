/**
 * Keeps the guest's clock right: has the agent look at it whenever it may be wrong, and finds out who has not woken up.
 */
import { after, every, type Timer } from "../../../system/clock.ts";
import { watchTimeJumps } from "../../../system/kernel/time-jumps.ts";
import type { GuestLink } from "./guest-link.ts";

/** How long an agent may take to ask back after this machine has slept; one that does not is dialled anew. */
const wakeMs = 5_000;

/** A clock that was looked at no longer ago is believed when somebody uses the guest. */
const believedMs = 30_000;

/** How often it is looked at while nobody does anything: clocks of guests drift by up to some seconds a day. */
const driftMs = 600_000;

/** What the clock's keeper needs. */
export type GuestClockOptions = {
  readonly link: () => GuestLink | undefined;
  /** The agent does not ask back: its link looks alive and is not. */
  readonly onDead: (reason: string) => void;
  /** The host has slept or its clock was set: whatever may have died meanwhile is to be looked at. */
  readonly onJump: () => void;
  readonly log: (text: string) => void;
  readonly watchJumps?: (onJump: () => void) => { close(): void };
  readonly wakeMs?: number;
};

/** The keeper of one boot. */
export class GuestClockKeeper {
  readonly #options: GuestClockOptions;
  readonly #watch: { close(): void };
  readonly #drift: Timer;
  #waiting: Timer | undefined;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: GuestClockOptions) {
    this.#options = options;
    this.#watch = (options.watchJumps ?? watchTimeJumps)(() => this.#jumped());
    this.#drift = every(driftMs, () => this.look());
  }

  /** Has the agent look at the guest's clock; false when there is none that can. */
  look(): boolean {
    const link = this.#options.link();
    if (link?.hello.capabilities?.includes("clock") !== true) return false;
    this.#lookedAtMs = performance.now();
    link.tell({ type: "clock" });
    return true;
  }

  /** Somebody uses the guest, which may have stood still unseen since it was used last (SIGSTOP, a debugger). */
  used(): void {
    if (performance.now() - this.#lookedAtMs > believedMs) this.look();
  }

  /** The agent asks for the time, which it does when it was told to look: it is awake. */
  asked(asked: number, reply: (answer: { type: "clock"; answer: { asked: number; nowMs: number } }) => void): void {
    this.#waiting?.cancel();
    reply({ type: "clock", answer: { asked, nowMs: Date.now() } });
  }

  close(): void {
    this.#watch.close();
    this.#drift.cancel();
    this.#waiting?.cancel();
  }

  #jumped(): void {
    const { log, onJump } = this.#options;
    log("this machine has slept, or its clock was set");
    onJump();
    this.check();
  }

  /** Has the agent look at the clock; one that does not ask back in time is gone. */
  check(): void {
    if (!this.look()) return;
    this.#waiting?.cancel();
    const waitMs = this.#options.wakeMs ?? wakeMs;
    this.#waiting = after(waitMs, () =>
      this.#options.onDead(`it has not answered for ${waitMs / 1000} s since it should be awake`),
    );
  }
}
