/** The supervisor's link to the agent for as long as the VM runs: dialled, lost, reconnected. */
import { messageOf, QnError, reportOf } from "../../../base/errors.ts";
import type { ErrorReport } from "../../../base/errors.ts";
import { after, type Timer } from "../../../system/clock.ts";
import type { GateKey } from "../../gate/dial.ts";
import { skewWarning } from "../../../protocol/skew-words.ts";
import { type GuestLink, type GuestListener, type LinkFault, linkGuest } from "./guest-link.ts";

/** How long to wait before the next try to link to an agent that does not answer. */
export const redialMs = 500;

/**
 * The same after an agent that did not read its answers: linking costs this side more than it costs a hostile guest.
 */
const redialUnreadMs = 5_000;

/**
 * How many tries in a row a person is left without a word: an agent that is started anew is there again in a second or
 * two.
 */
const silentTries = 10;

/**
 * How many links in a row an agent may end with a message that this qn cannot read, before Docker has ever answered.
 */
const misunderstoodMax = 3;

/** What the link needs, and who hears of it. */
export type AgentLinkOptions = {
  readonly key: GateKey;
  readonly version: string;
  readonly onMessage: GuestListener["onMessage"];
  readonly onLinked: (link: GuestLink) => void;
  readonly onLost: () => void;
  /** This agent and this qn will never understand each other. */
  readonly onHopeless: (error: ErrorReport) => void;
  /** Tells a person. */
  readonly warn: (text: string) => void;
  readonly log: (text: string) => void;
};

/** The link of one boot. */
export class AgentLink {
  readonly #options: AgentLinkOptions;
  #link: GuestLink | undefined;
  #redial: Timer | undefined;
  #attempt = 0;
  #isDialing = false;
  #isClosed = false;
  /** Tries in a row that failed, and links that ended without sense; the version that a person was last told of. */
  #failures = 0;
  #misunderstood = 0;
  #toldVersion: string | undefined;

  constructor(options: AgentLinkOptions) {
    this.#options = options;
  }

  /** The link to the agent that is there now. */
  get current(): GuestLink | undefined {
    return this.#link;
  }

  /** Links to the agent that is there now, and tries again until there is one. A try under way was for another one. */
  dial(): void {
    this.#redial?.cancel();
    if (this.#isClosed) return;
    this.#attempt += 1;
    this.#isDialing = true;
    void this.#linkTo(this.#attempt);
  }

  /** Gives up a link that looks alive and is not, and makes another one. */
  renew(reason: string): void {
    const link = this.#link;
    if (link === undefined) return;
    link.close();
    this.#lose(reason);
  }

  /** The guest is gone for now; it rings when its agent is there again. */
  drop(reason: string): void {
    this.#attempt += 1;
    this.#isDialing = false;
    const link = this.#link;
    if (link !== undefined) {
      link.close();
      this.#lose(reason);
    }
    this.#redial?.cancel();
  }

  /** To be called when the agent has done what it is for: what it says is understood. */
  proved(): void {
    this.#misunderstood = Number.NEGATIVE_INFINITY;
  }

  close(): void {
    this.#isClosed = true;
    this.#redial?.cancel();
    this.#link?.close();
  }

  async #linkTo(attempt: number): Promise<void> {
    const { key, version, onMessage, onLinked, onHopeless, log } = this.#options;
    const isCurrent = (): boolean => attempt === this.#attempt && !this.#isClosed;
    try {
      let link: GuestLink | undefined;
      let early: { readonly reason: string; readonly fault: LinkFault | undefined } | undefined;
      link = await linkGuest(key, version, {
        onMessage,
        onLost: (reason, fault) => {
          early = { reason, fault };
          // While a new dial is under way the old link is still the one in use.
          if (link === undefined || link !== this.#link || this.#isClosed) return;
          this.#lose(reason, waitAfter(fault));
          this.#count(reason, fault);
        },
      });
      if (!isCurrent()) return link.close();
      // What came with its hello may have been enough to lose it.
      if (early !== undefined) return this.#loseEarly(early.reason, early.fault);
      this.#isDialing = false;
      this.#failures = 0;
      this.#link?.close();
      this.#link = link;
      log(`linked to the agent, qn ${link.hello.version}`);
      this.#sayOfSkew(link.hello.version);
      onLinked(link);
    } catch (error) {
      if (!isCurrent()) return;
      this.#isDialing = false;
      if (error instanceof QnError && error.code === "AGENT_INCOMPATIBLE") return onHopeless(reportOf(error));
      this.#tryAgain(messageOf(error));
    }
  }

  #loseEarly(reason: string, fault: LinkFault | undefined): void {
    this.#isDialing = false;
    this.#tryAgain(reason, waitAfter(fault));
    this.#count(reason, fault);
  }

  #tryAgain(reason: string, waitMs: number = redialMs): void {
    const { log, warn } = this.#options;
    log(`the agent does not answer yet: ${reason}`);
    this.#failures += 1;
    if (this.#failures === silentTries) warn(`The agent in the guest does not answer yet: ${reason}`);
    this.#redial = after(waitMs, () => this.dial());
  }

  #lose(reason: string, waitMs: number = redialMs): void {
    this.#options.log(`lost the agent: ${reason}`);
    this.#link = undefined;
    this.#options.onLost();
    if (!this.#isDialing && !this.#isClosed) this.#redial = after(waitMs, () => this.dial());
  }

  /**
   * An agent that has proven itself says the same at each link: once or twice may be chance, then it is another
   * version.
   */
  #count(reason: string, fault: LinkFault | undefined): void {
    if (fault !== "nonsense") return;
    this.#misunderstood += 1;
    if (this.#misunderstood < misunderstoodMax) return;
    const message = `This qn does not understand the agent in the guest: ${reason}`;
    this.#options.onHopeless(reportOf(new QnError("AGENT_INCOMPATIBLE", message)));
  }

  /** Once for each version: an agent that is started anew says hello again. */
  #sayOfSkew(agentVersion: string): void {
    const { version, warn } = this.#options;
    const warning = this.#toldVersion === agentVersion ? undefined : skewWarning(agentVersion, version);
    this.#toldVersion = agentVersion;
    if (warning !== undefined) warn(warning);
  }
}

// --- internal ---

function waitAfter(fault: LinkFault | undefined): number {
  return fault === "unread" ? redialUnreadMs : redialMs;
}
