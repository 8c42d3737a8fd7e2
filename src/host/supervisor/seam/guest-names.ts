/** Serves the guest's DNS over a stream of the link's. */
import { messageOf } from "../../../base/errors.ts";
import { after, type Timer } from "../../../system/clock.ts";
import type { Answerer } from "../../names/answer.ts";
import { answerNames } from "../../names/dns-stream.ts";
import { redialMs } from "./agent-link.ts";
import type { GuestLink } from "./guest-link.ts";

/** Who answers, and who hears of what goes wrong. */
type GuestNamesOptions = { readonly answer: Answerer; readonly log: (text: string) => void };

/** The names of one boot. */
export class GuestNames {
  readonly #options: GuestNamesOptions;
  readonly #current: () => GuestLink | undefined;
  #again: Timer | undefined;
  #isClosed = false;

  constructor(options: GuestNamesOptions, current: () => GuestLink | undefined) {
    this.#options = options;
    this.#current = current;
  }

  /** Serves them as long as the link lasts. An agent that does not know of it goes on asking slirp. */
  async serve(link: GuestLink): Promise<void> {
    const { answer, log } = this.#options;
    const isCurrent = (): boolean => !this.#isClosed && this.#current() === link;
    const again = (reason: string): void => {
      if (!isCurrent()) return;
      log(`names: ${reason}`);
      this.#again = after(redialMs, () => void this.serve(link));
    };
    if (!isCurrent()) return;
    try {
      await answerNames(await link.pool.take(), answer, again);
    } catch (error) {
      if (isCurrent()) log(`names: ${messageOf(error)}`);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#again?.cancel();
  }
}
