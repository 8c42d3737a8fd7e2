/** Whether anything in the guest is in use, of which the host's listeners know nothing: containers, ssh. */
import { plain } from "../../../base/plain.ts";
import type { AgentMessage } from "../../../protocol/messages.ts";
import { type Asking, Questions } from "./questions.ts";

/** How long the guest may take to list its containers: nobody waits for it. */
const answerMs = 60_000;

/** The questions of one boot. */
export class GuestUse {
  readonly #questions: Questions<{ readonly use: string | undefined }>;

  constructor(link: Asking) {
    this.#questions = new Questions(link, "use", (ask) => ({ type: "use", ask }), answerMs);
  }

  /** What is in use, as a sentence; nothing when nothing is. Who does not say is taken for somebody in use. */
  async ask(): Promise<string | undefined> {
    const answer = await this.#questions.ask();
    return answer === undefined ? "The agent in the guest does not say whether anything is in use." : answer.use;
  }

  answered({ answers, use }: Extract<AgentMessage, { type: "use" }>): void {
    this.#questions.answered(answers, { use: use === undefined ? undefined : plain(use) });
  }
}
