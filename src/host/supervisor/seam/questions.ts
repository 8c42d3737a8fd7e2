/** Questions to the agent of one kind: each has a number, which comes back with its answer. */
import { within } from "../../../system/clock.ts";
import type { HostMessage } from "../../../protocol/messages.ts";
import type { GuestLink } from "./guest-link.ts";

/** What asks needs of the link to the agent that is there now. */
export type Asking = () => Pick<GuestLink, "hello" | "tell"> | undefined;

/** Those of one boot, to an agent that has `capability` if it understands them. */
export class Questions<Answer> {
  readonly #link: Asking;
  readonly #capability: string;
  readonly #question: (ask: number) => HostMessage;
  readonly #answerMs: number;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #asked = 0;

  constructor(link: Asking, capability: string, question: (ask: number) => HostMessage, answerMs: number) {
    this.#link = link;
    this.#capability = capability;
    this.#question = question;
    this.#answerMs = answerMs;
  }

  /** Asks; nothing when there is no agent that answers in time. */
  async ask(): Promise<Answer | undefined> {
    const link = this.#link();
    if (link?.hello.capabilities?.includes(this.#capability) !== true) return undefined;
    this.#asked += 1;
    const ask = this.#asked;
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#waiting.set(ask, resolve);
    link.tell(this.#question(ask));
    try {
      return await within(promise, this.#answerMs, () => new Error("The guest does not answer."));
    } catch {
      return undefined;
    } finally {
      this.#waiting.delete(ask);
    }
  }

  /** Takes what the guest says; nothing waits for an answer to no question. */
  answered(number: number, answer: Answer): void {
    this.#waiting.get(number)?.(answer);
  }
}
