/** What host listeners hold on to while gates come and go: takes clients, and carries each through the gate of now. */
import { messageOf, QnError } from "../../base/errors.ts";
import type { Open } from "../../protocol/messages.ts";
import type { Connection } from "../../system/connection.ts";
import type { Proven } from "./dial.ts";
import type { GatePool } from "./pool.ts";
import { carryClient, type StreamObserver } from "./stream.ts";

/** The way into the guest of one VM. */
export class Gateway {
  #pool: GatePool | undefined;

  /** Called before each stream. */
  onUse: () => void = () => {};

  /** The gate that new streams take; nothing while the guest cannot be reached. Streams that there are go on. */
  use(pool: GatePool | undefined): void {
    this.#pool = pool;
  }

  /** A proven connection through the gate of now. Throws GATE_REFUSED when the guest cannot be reached. */
  async take(): Promise<Proven> {
    if (this.#pool === undefined) throw new QnError("GATE_REFUSED", "The guest cannot be reached.");
    this.onUse();
    return await this.#pool.take();
  }

  /**
   * Carries a client of a host listener to what `open` asks for. A client that cannot be carried is reset, and
   * `onRefused` told why, so that nobody waits for an answer that cannot come.
   */
  async carry(client: Connection, open: Exclude<Open, { open: "control" }>, observer: StreamObserver): Promise<void> {
    client.pause();
    try {
      carryClient(client, await this.take(), open, observer);
    } catch (error) {
      observer.onRefused?.(messageOf(error));
      client.reset();
      observer.onDone?.();
    }
  }
}
