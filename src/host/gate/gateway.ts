/** What host listeners hold on to while gates come and go: takes clients, and carries each through the gate of now. */
import { messageOf, QnError } from "../../base/errors.ts";
import type { Open } from "../../protocol/stream-request.ts";
import { after, type Timer } from "../../system/clock.ts";
import type { Connection } from "../../system/net/connection.ts";
import type { Proven } from "./dial.ts";
import type { GatePool, TakeOptions } from "./pool.ts";
import { ClientLimit } from "./client-limit.ts";
import { FlowLimit } from "./flow-limit.ts";
import { IdleClock } from "./idle-clock.ts";
import { ListenerLimit } from "./listener-limit.ts";
import { carryClient, type StreamObserver } from "./stream.ts";

/**
 * How long clients wait for a gate that was lost: an agent that has died is there again in seconds, also when emulated.
 */
const usualPatienceMs = 20_000;

/** The way into the guest of one VM. */
export class Gateway {
  /** Where clients of ports are waited for and counted. */
  readonly clients = new ClientLimit();
  readonly flows = new FlowLimit();
  readonly listeners: ListenerLimit;
  /** Hears of every client. */
  readonly idle = new IdleClock();

  readonly #patienceMs: number;
  #pool: GatePool | undefined;
  /** Who waits for the gate that comes after the one that was lost, as long as anybody may. */
  #waiting: Set<(next: GatePool | undefined) => void> | undefined;
  #patience: Timer | undefined;
  /** Called by each client while the guest is asleep. */
  #onKnock: (() => void) | undefined;

  /** Called before each stream. */
  onUse: () => void = () => {};

  constructor(patienceMs: number = usualPatienceMs, listeners: ListenerLimit = new ListenerLimit()) {
    this.#patienceMs = patienceMs;
    this.listeners = listeners;
  }

  /** The gate that new streams take; nothing while the guest cannot be reached. Streams that there are go on. */
  use(pool: GatePool | undefined): void {
    const isLost = pool === undefined && this.#pool !== undefined;
    this.#pool = pool;
    if (isLost) {
      this.#waiting = new Set();
      this.#patience = after(this.#patienceMs, () => this.#settle(undefined), { background: true });
    } else if (pool !== undefined) this.#settle(pool);
  }

  /**
   * The guest is asleep, or just falls asleep: clients wait for its next gate as long as it takes, and `onKnock` hears
   * of each.
   */
  rest(onKnock: () => void): void {
    this.#pool = undefined;
    this.#waiting ??= new Set();
    this.#patience?.cancel();
    this.#onKnock = onKnock;
  }

  /** Whether the guest is asleep, or just falls asleep. */
  get isResting(): boolean {
    return this.#onKnock !== undefined;
  }

  /** Somebody uses the guest, by whatever way: one that is asleep is woken. */
  knock(): void {
    this.idle.used();
    this.#onKnock?.();
  }

  /** There is no guest to come: whoever waits is refused. */
  close(): void {
    this.#pool = undefined;
    this.#settle(undefined);
    this.idle.stop();
  }

  /**
   * A proven connection through the gate of now, or through the next one where it was lost a moment ago: a call of
   * Docker's is late then, and does not fail. Throws LINK_REFUSED when the guest cannot be reached.
   */
  async take(open: Open["open"] = "docker", options: TakeOptions = {}): Promise<Proven> {
    for (;;) {
      this.idle.used();
      // At once where there is one: by the next turn the client may have gone.
      const pool = this.#pool ?? (await this.reach(options.gone));
      this.onUse();
      try {
        return await pool.take(open, options);
      } catch (error) {
        if (pool === this.#pool || options.gone?.aborted === true) throw error;
      }
    }
  }

  /**
   * Resolves to the gate once there is one: a guest that is asleep is woken. Throws LINK_REFUSED when it cannot be
   * reached.
   */
  async reach(gone?: AbortSignal): Promise<GatePool> {
    this.knock();
    const pool = this.#pool ?? (await this.#nextPool(gone));
    if (pool === undefined) throw new QnError("LINK_REFUSED", "The guest cannot be reached.");
    return pool;
  }

  /**
   * Carries a client of a host listener to what `open` asks for. A client that cannot be carried is reset, and
   * `onRefused` told why, so that nobody waits for an answer that cannot come. `early` is what it has said already.
   */
  async carry(
    client: Connection,
    open: Exclude<Open, { open: "control" }>,
    observer: StreamObserver,
    early?: Uint8Array,
  ): Promise<void> {
    client.pause();
    // Nobody is let in for a client that has gone meanwhile, which is told of a paused one too if it was reset.
    const gone = new AbortController();
    client.take({ onClose: () => gone.abort() });
    const leave = this.idle.begin();
    const onDone = (): void => {
      leave();
      observer.onDone?.();
    };
    try {
      carryClient(client, await this.take(open.open, { gone: gone.signal }), open, { ...observer, onDone }, early);
    } catch (error) {
      if (!gone.signal.aborted) observer.onRefused?.(messageOf(error));
      client.reset();
      onDone();
    }
  }

  /** The next gate; nothing when it does not come in time, or `gone` fires: nobody waits for somebody who has gone. */
  async #nextPool(gone: AbortSignal | undefined): Promise<GatePool | undefined> {
    const waiting = this.#waiting;
    if (waiting === undefined || gone?.aborted === true) return undefined;
    const { promise, resolve } = Promise.withResolvers<GatePool | undefined>();
    const leave = (): void => {
      if (waiting.delete(resolve)) resolve(undefined);
    };
    waiting.add(resolve);
    gone?.addEventListener("abort", leave, { once: true });
    try {
      return await promise;
    } finally {
      gone?.removeEventListener("abort", leave);
    }
  }

  #settle(pool: GatePool | undefined): void {
    this.#patience?.cancel();
    this.#onKnock = undefined;
    for (const resolve of this.#waiting ?? []) resolve(pool);
    this.#waiting = undefined;
  }
}
