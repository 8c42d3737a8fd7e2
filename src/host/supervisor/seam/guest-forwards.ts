/** The forwards of one boot: of what the guest publishes, as it said last, and of what people forward by hand. */
import type { FailedPort, PortRange, PublishedPort } from "../../../protocol/messages.ts";
import type { Gateway } from "../../gate/gateway.ts";
import { type Forward, Forwards, type ForwardsChange, type Listening } from "../../ports/apply.ts";
import { type HandForward, targetName } from "../../ports/by-hand.ts";
import { overlaps, type PortRules } from "../../ports/listener-plan.ts";
import { isTaken, openHalves } from "../../ports/open-halves.ts";
import { takenPorts } from "../../ports/taken-ports.ts";
import type { Asked } from "./waiting-messages.ts";

/** What forwards go by, and who hears of them. */
export type GuestForwardsOptions = {
  readonly rules: PortRules;
  /** The ports that the VM's Docker chooses from, when it has its own. */
  readonly dockerPorts?: PortRange | undefined;
  readonly onForwards: (what: ForwardsChange) => void;
  readonly log: (text: string) => void;
  /** Tells a person. */
  readonly warn: (text: string) => void;
};

/** How many reasons of one report are logged: a guest may report thousands of ports that nobody can listen on. */
const loggedReasonsMax = 32;

/** Both kinds, which know of each other's ports. */
export class GuestForwards {
  readonly #options: GuestForwardsOptions;
  readonly #ofGuest: Forwards;
  readonly #byHand: Forwards;
  #published: readonly PublishedPort[] = [];
  #handForwards: readonly HandForward[] = [];
  /** Why ports were not listened on at the last report. */
  #told: ReadonlySet<string> = new Set();
  /** Whom of those who run without their port a person has been told of. */
  #warned: ReadonlySet<string> = new Set();

  constructor(gateway: Gateway, options: GuestForwardsOptions) {
    this.#options = options;
    this.#ofGuest = new Forwards(gateway, options.rules);
    this.#byHand = new Forwards(gateway, options.rules);
    this.#ofGuest.onChange = options.onForwards;
    this.#byHand.onChange = options.onForwards;
    for (const forwards of [this.#ofGuest, this.#byHand]) {
      forwards.onFreed = ({ hostPort, hostIp }) =>
        options.log(`port ${hostPort} on ${hostIp} is free again, and forwarded`);
    }
    this.#ofGuest.ownHolder = (where) => holderAmong(this.#byHand.all, where, "a forward made with `qn ports add`");
    this.#byHand.ownHolder = (where) => holderAmong(this.#ofGuest.all, where);
  }

  get all(): readonly Readonly<Forward>[] {
    return [...this.#byHand.all, ...this.#ofGuest.all];
  }

  /** Listens on exactly these forwards by hand. Resolves to those that it cannot, and why. */
  async listenByHand(forwards: readonly HandForward[]): Promise<readonly FailedPort[]> {
    this.#handForwards = forwards;
    const served = forwards.map((forward) => ({ ...forward, containerId: "", container: targetName(forward) }));
    return await this.#byHand.serve(served);
  }

  /** Remembers what the guest publishes, for `reopen`: a report may wait for its turn to be served. */
  note(published: readonly PublishedPort[]): void {
    this.#published = published;
  }

  /** Listens on what the guest has reported, and answers with what it cannot listen on. */
  async serve({ message, reply }: Asked<"ports">): Promise<void> {
    const { dockerPorts, rules, log } = this.#options;
    const failed = await this.#ofGuest.serve(message.ports);
    // Each report tries anew, and what fails as before has been told.
    const reasons = new Set(failed.map(({ reason }) => reason));
    const untold = [...reasons].filter((reason) => !this.#told.has(reason));
    for (const reason of untold.slice(0, loggedReasonsMax)) log(reason);
    const left = untold.length - loggedReasonsMax;
    if (left > 0) log(`${left} more ports cannot be listened on.`);
    this.#told = reasons;
    this.#warnOfTaken();
    const isChoosing = message.choosing === true;
    const taken = isChoosing ? await takenPorts(dockerPorts, this.#ofGuest.all, rules, log) : undefined;
    void reply({ type: "served", report: message.report, failed: [...failed], taken });
  }

  /**
   * Somebody runs without the port that it publishes: whoever starts a container is told by Docker, but nobody has
   * started one that Docker brings up by itself.
   */
  #warnOfTaken(): void {
    const all = this.#ofGuest.all;
    const halves = openHalves(all);
    const missing = all.filter((each) => isTaken(each) && each.serves.asked !== true).slice(0, loggedReasonsMax);
    const warnings = missing.map(({ error = "", serves }) => {
      const half = halves.get(serves);
      return `${error}${half === undefined ? "" : ` ${half}`} "${serves.container}" gets it as soon as it is free.`;
    });
    for (const text of warnings) if (!this.#warned.has(text)) this.#options.warn(text);
    this.#warned = new Set(warnings);
  }

  /** Opens again what may have gone while nobody was awake. */
  async reopen(): Promise<void> {
    await this.#ofGuest.serve(this.#published);
    await this.listenByHand(this.#handForwards);
  }

  close(): void {
    this.#ofGuest.close();
    this.#byHand.close();
  }
}

// --- internal ---

/** Who listens there, or in its way: the name given, or the container's. */
function holderAmong(forwards: readonly Readonly<Forward>[], where: Listening, name?: string): string | undefined {
  const holder = forwards.find(
    (other) =>
      other.listener !== undefined &&
      other.protocol === where.protocol &&
      other.hostPort === where.hostPort &&
      overlaps(other.hostIp, where.hostIp),
  );
  return holder === undefined ? undefined : (name ?? `the container "${holder.serves.container}" of this VM`);
}
