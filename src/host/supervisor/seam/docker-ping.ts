/** Asks whether Docker answers: one question at a time, however often it is wanted. */

/** A question that waits for its answer, and whether it is to be asked once more. */
type Question<Link> = { readonly link: Link; readonly end: AbortController; isAgain: boolean };

/** The questions over one link after the other. */
export class DockerPing<Link> {
  readonly #ask: (link: Link, signal: AbortSignal) => Promise<boolean>;
  #question: Question<Link> | undefined;

  /**
   * `ask` resolves to whether there was an answer, and owns its errors; `signal` fires when nobody waits for the answer
   * any more.
   */
  constructor(ask: (link: Link, signal: AbortSignal) => Promise<boolean>) {
    this.#ask = ask;
  }

  /** Asks, or once more should the question that is under way on this link go unanswered. */
  ask(link: Link): void {
    if (this.#question !== undefined && this.#question.link === link) {
      this.#question.isAgain = true;
      return;
    }
    // The question to an agent that is gone would be answered by nobody.
    this.close();
    void this.#askOnce({ link, end: new AbortController(), isAgain: false });
  }

  /** Waits for no answer any more. */
  close(): void {
    this.#question?.end.abort();
    this.#question = undefined;
  }

  async #askOnce(question: Question<Link>): Promise<void> {
    this.#question = question;
    const isAnswered = await this.#ask(question.link, question.end.signal);
    if (this.#question !== question) return;
    this.#question = undefined;
    if (question.isAgain && !isAnswered) this.ask(question.link);
  }
}
