/** When a guest that goes on for a moment has done what was due by the clock: the agent says so. */
import type { AgentMessage } from "../../../protocol/messages.ts";
import { type Asking, Questions } from "./questions.ts";

/** How long an answer is waited for: whoever is not calm by then is paused when the time of the settings is over. */
const answerMs = 3_600_000;

/** The questions of one boot. */
export class GuestCalm {
  readonly #questions: Questions<true>;

  constructor(link: Asking) {
    this.#questions = new Questions(link, "calm", (ask) => ({ type: "calm", ask }), answerMs);
  }

  /** Resolves to true when it is calm; to false when it does not say so, as an older agent. */
  async isReached(): Promise<boolean> {
    return (await this.#questions.ask()) === true;
  }

  answered({ answers }: Extract<AgentMessage, { type: "calm" }>): void {
    this.#questions.answered(answers, true);
  }
}
