/** Reserved ports: those that the host cannot give, held by the agent so that Docker does not choose them. */
import { holdPort } from "../../system/kernel/libc.ts";

/** A port that is held until `release`. */
type Held = { release(): void };

/** The ports that are held now. Docker tries each port that it chooses by listening on it, and takes the next one. */
export class ReservedPorts {
  readonly #hold: (port: number) => Held | undefined;
  readonly #held = new Map<number, Held>();

  constructor(hold: (port: number) => Held | undefined = holdBoth) {
    this.#hold = hold;
  }

  /** Whether any port is held: it may be free on the host again, and asked for by its number. */
  get any(): boolean {
    return this.#held.size > 0;
  }

  /** Holds these and no others; one that Docker has already stays Docker's. */
  hold(ports: readonly number[]): void {
    const wanted = new Set(ports);
    for (const [port, held] of this.#held) {
      if (wanted.has(port)) continue;
      held.release();
      this.#held.delete(port);
    }
    for (const port of wanted) {
      if (this.#held.has(port)) continue;
      const held = this.#hold(port);
      if (held !== undefined) this.#held.set(port, held);
    }
  }
}

// --- internal ---

/** The port of both protocols; a half that somebody has already is left to them. */
function holdBoth(port: number): Held | undefined {
  const halves = (["tcp", "udp"] as const).flatMap((protocol) => holdPort(protocol, port) ?? []);
  if (halves.length === 0) return undefined;
  return {
    release() {
      for (const half of halves) half.release();
    },
  };
}
