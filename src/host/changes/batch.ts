/** Batches changes for the guest (a debounce), with backpressure: it waits while the guest takes no more. */
import type { HostMessage } from "../../protocol/messages.ts";
import { after, type Timer } from "../../system/clock.ts";
import { type Changes, type ChangeSet, messagesOf, noChanges } from "./watch-plan.ts";

/** Tells the guest. What it gives back, if anything, resolves once the guest takes more. */
export type Send = (message: HostMessage) => Promise<void> | undefined | void;

/** How long changes are gathered: long enough for an editor's several steps, short enough that nobody waits. */
const gatherMs = 50;

/** Gathers what comes in quick succession, and while the guest takes no more. */
export class Batch {
  send: Send = () => {};
  /** How many paths may wait for a guest that does not read. */
  readonly #waitingMax: number;
  #changes: ChangeSet = noChanges();
  #waiting: Timer | undefined;
  #sending: Promise<void> | undefined;

  constructor(waitingMax: number) {
    this.#waitingMax = waitingMax;
  }

  /** Adds a path, to be sent soon. */
  add(kind: keyof ChangeSet, path: string): void {
    this.#changes[kind].add(path);
    this.#waiting ??= after(gatherMs, () => void this.flush());
  }

  /** Sends what there is, without waiting for more. Resolves when all of it is sent. */
  async flush(): Promise<void> {
    this.#waiting?.cancel();
    this.#waiting = undefined;
    // Past that nothing is waited for, and the link ends the conversation (guest-link.ts).
    if (this.#count() > this.#waitingMax) {
      for (const message of this.#taken()) void this.send(message);
    }
    // Once more for what was added when the sending had seen that nothing was left, but had not ended.
    do {
      this.#sending ??= this.#sendAll().finally(() => (this.#sending = undefined));
      await this.#sending;
    } while (this.#count() > 0);
  }

  #count(): number {
    const { gone, there, folders, files } = this.#changes;
    return gone.size + there.size + folders.size + files.size;
  }

  async #sendAll(): Promise<void> {
    for (let messages = this.#taken(); messages.length > 0; messages = this.#taken()) {
      for (const message of messages) await this.send(message);
    }
  }

  #taken(): Changes[] {
    const messages = messagesOf(this.#changes);
    this.#changes = noChanges();
    return messages;
  }
}
