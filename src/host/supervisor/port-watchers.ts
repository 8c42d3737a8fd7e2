/**
 * Tells those who watch the forwards of what changes: at once of the forwards themselves, now and then of their counts.
 */
import { after, type Timer } from "../../system/clock.ts";
import type { ForwardsChange } from "../ports/apply.ts";
import type { Client } from "./control.ts";
import type { ForwardStatus } from "./messages.ts";

/** How long counts may grow before somebody is told: a person reads no faster. */
const usualCountsMs = 1_000;

/** The commands that watch. While there are none nothing is put together, sent or timed. */
export class PortWatchers {
  readonly #ports: () => ForwardStatus[];
  readonly #countsMs: number;
  /** Each watcher, and whether it misses something because it has not read what it was sent before. */
  readonly #watchers = new Map<Client, { isBehind: boolean; isFull: boolean }>();
  #soon: Timer | undefined;

  constructor(ports: () => ForwardStatus[], countsMs: number = usualCountsMs) {
    this.#ports = ports;
    this.#countsMs = countsMs;
  }

  /** Sends the forwards of now, and from here on whenever they change. */
  add(client: Client): void {
    this.#watchers.set(client, { isBehind: false, isFull: false });
    client.onDrain = () => this.#catchUp(client);
    this.#send(client, this.#ports());
  }

  /** Forgets a command that has left. */
  remove(client: Client): void {
    this.#watchers.delete(client);
    if (this.#watchers.size === 0) this.#cancel();
  }

  /** Something has changed. */
  changed(what: ForwardsChange): void {
    if (this.#watchers.size === 0) return;
    if (what === "forwards") return this.#tellAll();
    this.#soon ??= after(this.#countsMs, () => this.#tellAll());
  }

  #tellAll(): void {
    this.#cancel();
    const ports = this.#ports();
    for (const client of this.#watchers.keys()) this.#send(client, ports);
  }

  /** A watcher that does not read gets the forwards of then when it reads again, so nothing piles up here. */
  #send(client: Client, ports: ForwardStatus[]): void {
    const state = this.#watchers.get(client);
    if (state === undefined) return;
    state.isBehind = state.isFull;
    if (!state.isFull) state.isFull = !client.send({ event: "ports", ports });
  }

  #catchUp(client: Client): void {
    const state = this.#watchers.get(client);
    if (state === undefined) return;
    state.isFull = false;
    if (state.isBehind) this.#send(client, this.#ports());
  }

  #cancel(): void {
    this.#soon?.cancel();
    this.#soon = undefined;
  }
}
