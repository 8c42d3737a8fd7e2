/** The seam between host and guest as the supervisor holds it: link to the agent, forwards, Docker socket. */
import { appendFile } from "node:fs/promises";
import { messageOf, QnError, reportOf } from "../../base/errors.ts";
import type { AgentMessage, FailedPort, HostMessage, PortRange } from "../../protocol/messages.ts";
import { after, type Timer } from "../../system/clock.ts";
import type { Listener } from "../../system/connection.ts";
import { dockerApi } from "../../system/docker-api.ts";
import { portsInUse } from "../../system/ports-in-use.ts";
import { openDockerSocket } from "../docker-socket.ts";
import type { Answerer } from "../names/answer.ts";
import { answerNames } from "../names/serve.ts";
import type { GateKey } from "../gate/dial.ts";
import { Gateway } from "../gate/gateway.ts";
import { ChangeFeed, type WatchPlace } from "../changes/feed.ts";
import { emptyMessage } from "../changes/plan.ts";
import type { VmPaths } from "../layout.ts";
import { type Forward, Forwards, type ForwardsChange, type Place } from "../ports/apply.ts";
import { type HandForward, targetName } from "../ports/by-hand.ts";
import { deniedBy, overlaps, type PortRules } from "../ports/plan.ts";
import { type GuestLink, linkGuest } from "./guest.ts";
import type { Event } from "./machine.ts";

/** The most ports that the guest is told to keep from Docker: it holds each with a socket or two. */
const takenPortsMax = 2_048;

/** How long to wait before the next try to link to an agent that does not answer. */
const redialMs = 500;

/** What the seam needs of the supervisor. */
export type SeamOptions = {
  readonly paths: VmPaths;
  readonly version: string;
  readonly rules: PortRules;
  /** The ports that the VM's Docker chooses from, when it has its own. */
  readonly dockerPorts?: PortRange | undefined;
  readonly key: GateKey;
  /** Answers the guest's DNS. */
  readonly answer: Answerer;
  readonly dispatch: (event: Event) => void;
  /** The folders that the guest sees, and what of them is not watched for changes. */
  readonly watched: WatchPlace;
  /** What has to be done before anybody hears that Docker answers. */
  readonly onDocker: () => Promise<void>;
  readonly onForwards: (what: ForwardsChange) => void;
  readonly log: (text: string) => void;
};

/** The seam of one boot. */
export class Seam {
  readonly #options: SeamOptions;
  readonly #gateway = new Gateway();
  readonly #forwards: Forwards;
  readonly #changes: ChangeFeed;
  readonly #byHand: Forwards;
  #link: GuestLink | undefined;
  #dockerSocket: Listener | undefined;
  #redial: Timer | undefined;
  #renames: Timer | undefined;
  #attempt = 0;
  #isDialing = false;
  /** Why ports were not listened on at the last report. */
  #told: ReadonlySet<string> = new Set();
  #closed = false;

  /** Whether Docker has answered through the host's socket, and nothing has been said against it since. */
  dockerReachable = false;

  constructor(options: SeamOptions) {
    this.#options = options;
    this.#forwards = new Forwards(this.#gateway, options.rules);
    this.#changes = new ChangeFeed(options.watched, options.log);
    this.#byHand = new Forwards(this.#gateway, options.rules);
    this.#forwards.onChange = options.onForwards;
    this.#byHand.onChange = options.onForwards;
    this.#forwards.ownHolder = (place) => holderAmong(this.#byHand.all, place, "a forward made with `qn ports add`");
    this.#byHand.ownHolder = (place) => holderAmong(this.#forwards.all, place);
  }

  get forwards(): readonly Readonly<Forward>[] {
    return [...this.#byHand.all, ...this.#forwards.all];
  }

  /** Listens on exactly these forwards by hand. Resolves to those that it cannot, and why. */
  async listenByHand(forwards: readonly HandForward[]): Promise<readonly FailedPort[]> {
    const served = forwards.map((forward) => ({ ...forward, containerId: "", container: targetName(forward) }));
    return await this.#byHand.serve(served);
  }

  /** Links to the agent that is there now, and tries again until there is one. A try under way was for another one. */
  dial(): void {
    this.#redial?.cancel();
    if (this.#closed) return;
    this.#attempt += 1;
    this.#isDialing = true;
    void this.#linkTo(this.#attempt);
  }

  /** Asks Docker through the host's own socket: that is the way the user has. The guest holds the question if need be. */
  pingDocker(): void {
    const { dockerSocket } = this.#options.paths;
    this.#dockerSocket ??= openDockerSocket(dockerSocket, this.#gateway, (reason) =>
      this.#options.log(`docker.sock: ${reason}`),
    );
    void this.#askDocker(dockerSocket);
  }

  /** Closes every listener and connection. */
  close(): void {
    this.#closed = true;
    this.#redial?.cancel();
    this.#renames?.cancel();
    this.#link?.close();
    this.#forwards.close();
    this.#changes.close();
    this.#byHand.close();
    this.#dockerSocket?.closeAll();
  }

  async #linkTo(attempt: number): Promise<void> {
    const { key, version, dispatch, log } = this.#options;
    const isCurrent = (): boolean => attempt === this.#attempt && !this.#closed;
    try {
      let link: GuestLink | undefined;
      let lost: string | undefined;
      link = await linkGuest(key, version, {
        onMessage: (message, reply) => void this.#hear(message, reply),
        onLost: (reason) => {
          lost = reason;
          // While a new dial is under way the old link is still the one in use.
          if (link !== undefined && link === this.#link && !this.#closed) this.#lose(reason);
        },
      });
      if (!isCurrent()) return link.close();
      if (lost !== undefined) throw new QnError("GATE_REFUSED", lost);
      this.#isDialing = false;
      this.#link?.close();
      this.#link = link;
      this.#gateway.use(link.pool);
      void this.#answerNames(link);
      log(`linked to the agent, qn ${link.agentVersion}`);
      dispatch({ type: "linked" });
    } catch (error) {
      if (!isCurrent()) return;
      this.#isDialing = false;
      if (error instanceof QnError && error.code === "AGENT_INCOMPATIBLE") {
        return dispatch({ type: "failure", error: reportOf(error) });
      }
      log(`the gate does not answer yet: ${String(error)}`);
      this.#redial = after(redialMs, () => this.dial());
    }
  }

  /** Serves the guest's DNS as long as the link lasts. An agent that does not know of it goes on asking slirp. */
  async #answerNames(link: GuestLink): Promise<void> {
    const { answer, log } = this.#options;
    const isCurrent = (): boolean => !this.#closed && this.#link === link;
    const again = (reason: string): void => {
      if (!isCurrent()) return;
      log(`names: ${reason}`);
      this.#renames = after(redialMs, () => void this.#answerNames(link));
    };
    if (!isCurrent()) return;
    try {
      await answerNames(await link.pool.take(), answer, again);
    } catch (error) {
      if (isCurrent()) log(`names: ${messageOf(error)}`);
    }
  }

  #lose(reason: string): void {
    const { dispatch, log } = this.#options;
    log(`lost the agent: ${reason}`);
    this.#gateway.use(undefined);
    this.#link = undefined;
    this.#changes.close();
    this.dockerReachable = false;
    dispatch({ type: "link-lost" });
    if (!this.#isDialing) this.#redial = after(redialMs, () => this.dial());
  }

  async #hear(message: AgentMessage, reply: (answer: HostMessage) => void): Promise<void> {
    switch (message.type) {
      case "hello":
        return;
      case "ports": {
        const failed = await this.#forwards.serve(message.ports);
        const reasons = new Set(failed.map(({ reason }) => reason));
        // Each report tries anew, and what fails as before has been told.
        for (const reason of reasons) if (!this.#told.has(reason)) this.#options.log(reason);
        this.#told = reasons;
        const taken = message.choosing === true ? await this.#takenPorts(message.ranges) : undefined;
        return reply({ type: "served", report: message.report, failed: [...failed], taken });
      }
      case "docker":
        if (message.state === "ready") return this.pingDocker();
        this.dockerReachable = false;
        return this.#options.dispatch({ type: "docker-down" });
      case "log":
        return await this.#keepLog(message.text);
      case "mounts":
        if (message.ask === undefined) return await this.#changes.follow(message.sources, reply);
        await this.#changes.catchUp(message.sources, reply);
        return reply({ ...emptyMessage, answers: message.ask });
    }
  }

  /** Those of Docker's own ports and of these ranges that somebody else holds, or that are never forwarded. */
  async #takenPorts(ranges: readonly PortRange[] = []): Promise<number[]> {
    const { dockerPorts, rules, log } = this.#options;
    const choices = dockerPorts === undefined ? ranges : [dockerPorts, ...ranges];
    const inUse = await portsInUse().catch((error: unknown) => {
      log(`cannot look for ports in use: ${String(error)}`);
      return new Set<number>();
    });
    // What its containers have Docker knows by itself.
    const own = new Set(
      this.#forwards.all.filter(({ listener }) => listener !== undefined).map(({ hostPort }) => hostPort),
    );
    const isTaken = (port: number): boolean =>
      (inUse.has(port) && !own.has(port)) || deniedBy(port, rules.deny) !== undefined;
    const all = new Set(
      choices.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, index) => first + index)),
    );
    return [...all].filter(isTaken).slice(0, takenPortsMax);
  }

  async #keepLog(text: string): Promise<void> {
    const { paths, log } = this.#options;
    try {
      await appendFile(paths.logs.agent, `${new Date().toISOString()} ${text}\n`, { mode: 0o600 });
    } catch (error) {
      log(`agent: ${text} (not kept: ${String(error)})`);
    }
  }

  async #askDocker(dockerSocket: string): Promise<void> {
    const { dispatch, log, onDocker } = this.#options;
    const link = this.#link;
    try {
      await dockerApi(dockerSocket).ping();
    } catch (error) {
      // The agent reports when Docker is there again, and that asks anew.
      return log(`Docker does not answer: ${String(error)}`);
    }
    await onDocker();
    // A link that was lost meanwhile took Docker with it; the next one asks anew.
    if (link !== this.#link || this.#closed) return;
    this.dockerReachable = true;
    dispatch({ type: "docker-answers" });
  }
}

// --- internal ---

/** Who listens at this place, or in its way: the name given, or the container's. */
function holderAmong(forwards: readonly Readonly<Forward>[], place: Place, name?: string): string | undefined {
  const holder = forwards.find(
    (other) =>
      other.listener !== undefined &&
      other.protocol === place.protocol &&
      other.hostPort === place.hostPort &&
      overlaps(other.hostIp, place.hostIp),
  );
  return holder === undefined ? undefined : (name ?? `the container "${holder.serves.container}" of this VM`);
}
