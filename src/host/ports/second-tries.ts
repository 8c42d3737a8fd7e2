/**
 * Ports that somebody else had: nobody tells when they are free, so they are tried again, and only while there are any.
 */
import { every, type Timer } from "../../system/clock.ts";

/** How often. A port that was freed is open again within two seconds. */
const usualLookMs = 1_000;

/** Ports of one look, which takes some 50 µs each; of more than that the next ones have their turn in the next look. */
const perLookMax = 128;

/** The looks at the ports of one VM. */
export class SecondTries<Port> {
  readonly #look: (some: readonly Port[]) => Promise<void>;
  readonly #lookMs: number;
  #ports: readonly Port[] = [];
  #timer: Timer | undefined;
  #isLooking = false;

  /** `look` tries some of the ports, and names those that are left by `wait`. */
  constructor(look: (some: readonly Port[]) => Promise<void>, lookMs = usualLookMs) {
    this.#look = look;
    this.#lookMs = lookMs;
  }

  /** Waits for exactly these. Those that were tried the longest ago should come first. */
  wait(ports: readonly Port[]): void {
    this.#ports = ports;
    if (ports.length === 0) return this.close();
    this.#timer ??= every(this.#lookMs, () => void this.#tryAgain());
  }

  /** Waits for none. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  async #tryAgain(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      await this.#look(this.#ports.slice(0, perLookMax));
    } finally {
      this.#isLooking = false;
    }
  }
}
