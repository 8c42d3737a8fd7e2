/** A pool of connections through the gate that are already opened and proven, so that streams start at once. */
import { QnError } from "../../base/errors.ts";
import { dial, type GateKey, type Proven } from "./dial.ts";

/**
 * At most this many connections are being opened at once: slirp listens with a backlog of 1, and a burst overflows it
 * into hangs of 31 s (measured: design D2).
 */
const openingMax = 4;

/** Idle connections that the pool keeps: few at rest, as many as a burst used afterwards. */
const idleMin = 8;
const idleMax = 64;

/** How many failed dials in a row mean that the gate is lost. */
const failuresMax = 3;

/** Connections through one gate. */
export class GatePool {
  /** Called once when the gate does not answer any more; waiting callers have been refused by then. */
  onLost: (error: Error) => void = () => {};

  readonly #key: GateKey;
  #idle: Proven[] = [];
  #waiting: PromiseWithResolvers<Proven>[] = [];
  #opening = 0;
  #target = idleMin;
  #failures = 0;
  #closed = false;

  constructor(key: GateKey) {
    this.#key = key;
    this.#refill();
  }

  /** A proven connection: an idle one at once, or the next that opens, first come first served. */
  async take(): Promise<Proven> {
    if (this.#closed) throw new QnError("GATE_REFUSED", "The gate is closed.");
    const idle = this.#idle.pop();
    if (idle !== undefined) {
      this.#refill();
      return idle;
    }
    const waiter = Promise.withResolvers<Proven>();
    this.#waiting.push(waiter);
    this.#target = Math.min(idleMax, this.#target * 2);
    this.#refill();
    return waiter.promise;
  }

  /** Closes every idle connection and refuses whoever waits. Streams that were taken go on. */
  close(reason: Error = new QnError("GATE_REFUSED", "The gate is closed.")): void {
    this.#closed = true;
    for (const { connection } of this.#idle.splice(0)) connection.reset();
    for (const waiter of this.#waiting.splice(0)) waiter.reject(reason);
  }

  #refill(): void {
    while (!this.#closed && this.#opening < openingMax && this.#wanted() > 0) {
      this.#opening += 1;
      void this.#open();
    }
  }

  /** Connections that are missing: one for each caller that waits, and the idle ones. */
  #wanted(): number {
    return this.#waiting.length + this.#target - this.#idle.length - this.#opening;
  }

  async #open(): Promise<void> {
    try {
      this.#keep(await dial(this.#key));
      this.#failures = 0;
    } catch (error) {
      this.#failures += 1;
      if (this.#failures >= failuresMax && !this.#closed) {
        const reason = new QnError("GATE_REFUSED", "The guest's gate does not answer.", { cause: error });
        this.close(reason);
        this.onLost(reason);
      }
    } finally {
      this.#opening -= 1;
      this.#refill();
    }
  }

  #keep(proven: Proven): void {
    if (this.#closed) return proven.connection.reset();
    const waiter = this.#waiting.shift();
    if (waiter !== undefined) return waiter.resolve(proven);
    this.#idle.push(proven);
    const { onClose } = proven.connection;
    // A process that dies ends its connections in order; nothing can come of one whose other half is gone.
    proven.connection.onEnd = () => proven.connection.reset();
    proven.connection.onClose = (error) => {
      this.#idle = this.#idle.filter((other) => other !== proven);
      onClose(error);
      this.#refill();
    };
  }
}
