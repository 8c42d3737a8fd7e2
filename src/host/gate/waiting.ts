/** Who waits for a connection through the gate, and who of them is served first. */
import { QnError } from "../../base/errors.ts";
import type { Proven } from "./dial.ts";

/**
 * What a connection is wanted for. Docker's clients and qn's own streams are few, and somebody waits for each; clients
 * of ports come in any number, and whoever may dial a port of this machine can be one.
 */
export type Rank = "own" | "port";

/** The callers that wait, in the order in which they came. */
export class Waiting {
  readonly #callers: Readonly<Record<Rank, Set<PromiseWithResolvers<Proven>>>> = { own: new Set(), port: new Set() };

  get size(): number {
    return this.#callers.own.size + this.#callers.port.size;
  }

  /** Whether somebody of the first rank waits. */
  get hasOwn(): boolean {
    return this.#callers.own.size > 0;
  }

  /** Waits in line. Rejects with LINK_REFUSED once `gone` fires: nobody is there any more to be served. */
  async join(rank: Rank, gone?: AbortSignal): Promise<Proven> {
    const callers = this.#callers[rank];
    const caller = Promise.withResolvers<Proven>();
    const leave = (): void => {
      if (callers.delete(caller)) caller.reject(new QnError("LINK_REFUSED", "The client has gone."));
    };
    callers.add(caller);
    gone?.addEventListener("abort", leave, { once: true });
    try {
      return await caller.promise;
    } finally {
      gone?.removeEventListener("abort", leave);
    }
  }

  /** Serves the next caller, those of rank "port" only if they may be; false when there is none. */
  serve(mayBePort: boolean, proven: () => Proven): boolean {
    const ranks: readonly Rank[] = mayBePort ? ["own", "port"] : ["own"];
    for (const rank of ranks) {
      const [caller] = this.#callers[rank];
      if (caller === undefined) continue;
      this.#callers[rank].delete(caller);
      caller.resolve(proven());
      return true;
    }
    return false;
  }

  refuse(reason: Error): void {
    for (const callers of Object.values(this.#callers)) {
      for (const caller of callers) caller.reject(reason);
      callers.clear();
    }
  }
}
