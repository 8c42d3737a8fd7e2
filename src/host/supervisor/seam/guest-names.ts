/** Serves the guest's DNS over a stream of the link's. */
import { messageOf } from "../../../base/errors.ts";
import { after, type Timer } from "../../../system/clock.ts";
import type { Answerer } from "../../names/answer.ts";
import { answerNames } from "../../names/dns-stream.ts";
import type { Connection } from "../../../system/net/connection.ts";
import { redialMs } from "./agent-link.ts";
import type { GuestLink } from "./guest-link.ts";

/** Who answers, and who hears of what goes wrong. */
type GuestNamesOptions = { readonly answer: Answerer; readonly log: (text: string) => void };

/** The part of a link that is used. */
type Link = { readonly pool: Pick<GuestLink["pool"], "take"> };

/** The names of one boot. */
export class GuestNames {
  readonly #options: GuestNamesOptions;
  readonly #current: () => Link | undefined;
  #again: Timer | undefined;
  #stream: Connection | undefined;
  #isClosed = false;

  constructor(options: GuestNamesOptions, current: () => Link | undefined) {
    this.#options = options;
    this.#current = current;
  }

  /** Serves them as long as the link lasts. An agent that does not know of it goes on asking slirp. */
  async serve(link: Link): Promise<void> {
    const { answer, log } = this.#options;
    const isCurrent = (): boolean => !this.#isClosed && this.#current() === link;
    const again = (reason: string): void => {
      if (!isCurrent()) return;
      log(`names: ${reason}`);
      this.#again = after(redialMs, () => void this.serve(link));
    };
    if (!isCurrent()) return;
    this.lost();
    let stream: Connection | undefined;
    try {
      const proven = await link.pool.take();
      stream = proven.connection;
      if (!isCurrent()) return stream.reset();
      this.#stream = stream;
      await answerNames(proven, answer, again);
    } catch (error) {
      stream?.reset();
      if (isCurrent()) log(`names: ${messageOf(error)}`);
    }
  }

  /** The link is gone: its stream is ended here, since a guest may never end it. */
  lost(): void {
    this.#again?.cancel();
    this.#stream?.reset();
    this.#stream = undefined;
  }

  close(): void {
    this.#isClosed = true;
    this.lost();
  }
}
