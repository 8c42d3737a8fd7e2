/**
 * The order of what a new link brings: Docker first, where it is up already. An emulated guest that goes on has all its
 * code to translate anew, and whoever waits for Docker waits for whatever the guest does meanwhile.
 */
import { after, type Timer } from "../../../system/clock.ts";
import { ownTurnMs } from "../../gate/pool-limits.ts";
import type { GuestLink } from "./guest-link.ts";

/** How long everything else waits for Docker's answer at most. */
const usualPatienceMs = 2_000;

/** The part of a link that is used. */
type Link = Pick<GuestLink, "warm">;

/** What waits on one link after the other. */
export class DockerFirst<Of extends Link = GuestLink> {
  readonly #settle: (link: Of) => void;
  readonly #patienceMs: number;
  readonly #turnMs: number;
  #link: Of | undefined;
  #isSettled = false;
  #hasPorts = false;
  #timer: Timer | undefined;

  /** `settle` does what else a link brings, once for each. The times are as usual unless given. */
  constructor(settle: (link: Of) => void, { patienceMs = usualPatienceMs, turnMs = ownTurnMs } = {}) {
    this.#settle = settle;
    this.#patienceMs = patienceMs;
    this.#turnMs = turnMs;
  }

  /** A new link, on which the agent is about to say whether Docker is up. */
  linked(link: Of): void {
    this.lost();
    this.#link = link;
    this.#timer = after(this.#patienceMs, () => this.down());
  }

  /** Nobody waits for Docker's answer, or has waited long enough: all else is due. */
  down(): void {
    this.#settleOnce();
    if (this.#hasPorts) this.#link?.warm();
  }

  /** There are ports, whose clients come in numbers. */
  ports(): void {
    this.#hasPorts = true;
    if (this.#isSettled && this.#timer === undefined) this.#link?.warm();
  }

  /** Docker has answered. Whoever waited for it asks it next; the connections for clients of ports come after that. */
  answered(): void {
    this.#settleOnce();
    this.#timer = after(this.#turnMs, () => {
      this.#timer = undefined;
      this.#link?.warm();
    });
  }

  /** The link is gone, and so is what it was to bring. */
  lost(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#link = undefined;
    this.#isSettled = false;
    this.#hasPorts = false;
  }

  #settleOnce(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const link = this.#link;
    if (link === undefined || this.#isSettled) return;
    this.#isSettled = true;
    this.#settle(link);
  }
}
