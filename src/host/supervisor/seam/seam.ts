/** The seam between host and guest as the supervisor holds it: link to the agent, forwards, Docker socket. */
import { newestOf } from "../../../base/newest.ts";
import type { AgentMessage, FailedPort } from "../../../protocol/messages.ts";
import { dockerApi } from "../../../system/docker-api.ts";
import type { Answerer } from "../../names/answer.ts";
import type { GateKey } from "../../gate/dial.ts";
import { HostSockets, type HostSocketsOptions } from "../../gate/host-sockets.ts";
import { ChangeFeed, type WatchOptions } from "../../changes/feed.ts";
import { emptyMessage } from "../../changes/watch-plan.ts";
import { dismissMasters } from "../../integrate/ssh-master.ts";
import type { VmPaths } from "../../layout.ts";
import type { Forward } from "../../ports/apply.ts";
import type { HandForward } from "../../ports/by-hand.ts";
import { type Asked, joinedMounts, joinedReports } from "./waiting-messages.ts";
import { keepWords } from "./agent-log.ts";
import { AgentLink } from "./agent-link.ts";
import type { Doors } from "./doors.ts";
import { DockerFirst } from "./docker-first.ts";
import { DockerPing } from "./docker-ping.ts";
import type { GuestLink, Reply } from "./guest-link.ts";
import type { GuestDisks } from "./guest-disks.ts";
import { GuestCalm } from "./guest-calm.ts";
import { GuestClockKeeper } from "./guest-clock.ts";
import { GuestNames } from "./guest-names.ts";
import { GuestMemory } from "./guest-memory.ts";
import { GuestSleep } from "./guest-sleep.ts";
import { GuestUse } from "./guest-use.ts";
import { GuestSearch } from "./guest-search.ts";
import { GuestForwards, type GuestForwardsOptions } from "./guest-forwards.ts";
import type { Event } from "../states.ts";
import { tellOfCertificates, tellOfSockets } from "./passed-over.ts";
import type { Provisioning } from "./provision.ts";

/** What the seam needs of the supervisor. */
export type SeamOptions = GuestForwardsOptions & {
  readonly doors: Doors;
  readonly paths: VmPaths;
  readonly version: string;
  readonly key: GateKey;
  /** This machine's resolv.conf. */
  readonly resolvConf: string;
  /** Answers the guest's DNS. */
  readonly answer: Answerer;
  readonly dispatch: (event: Event) => void;
  /** The folders that the guest sees, and what of them is not watched for changes. */
  readonly watched: WatchOptions;
  /** What has to be done before anybody hears that Docker answers. */
  readonly onDocker: () => Promise<void>;
  /** The commands of the settings. */
  readonly provisioning: Provisioning;
  /** The setting `docker.caCertificates`. */
  readonly caCertificates: string;
  /** This machine's sockets for containers, and the setting that names them. */
  readonly sockets: Omit<HostSocketsOptions, "tell"> & { readonly setting: readonly string[] };
  /** The VM's disks, and how many there should be beside the data disk. */
  readonly disks: { readonly guest: GuestDisks; readonly volumes: number };
  /** Tells a person. */
  readonly warn: (text: string) => void;
  /** Tells of jumps of this machine's clock; the system's own unless given. */
  readonly watchJumps?: (onJump: () => void) => { close(): void };
  /** How long an agent may take to answer after one; as usual unless given. */
  readonly wakeMs?: number;
};

/** The seam of one boot. */
export class Seam {
  readonly #options: SeamOptions;
  readonly #doors: Doors;
  readonly #forwards: GuestForwards;
  readonly #changes: ChangeFeed;
  readonly #agent: AgentLink;
  readonly #clock: GuestClockKeeper;
  readonly #search: GuestSearch;
  readonly #sockets: HostSockets;
  readonly #names: GuestNames;
  /** How much memory the guest uses. */
  readonly memory = new GuestMemory(() => this.#awake);
  /** What of the guest is in use. */
  readonly use = new GuestUse(() => this.#agent.current);
  /** When it has done what was due, where it goes on for that alone. */
  readonly calm = new GuestCalm(() => this.#agent.current);
  /** Has the guest let go before it is suspended. */
  readonly sleep = new GuestSleep(() => this.#agent);
  readonly #first = new DockerFirst((link) => {
    void this.#names.serve(link);
    this.#search.tell();
    this.#options.disks.guest.linked(link, this.#options.disks.volumes);
  });
  readonly #ping = new DockerPing<GuestLink | undefined>((link, signal) => this.#askDocker(link, signal));
  /** Messages that take their time, and of which the newest says all that those before it have said. */
  readonly #reports = newestOf<Asked<"ports">>((asked) => this.#forwards.serve(asked), joinedReports);
  readonly #mounts = newestOf<Asked<"mounts">>((asked) => this.#followMounts(asked), joinedMounts);
  readonly #asks = newestOf<Asked<"mounts">>((asked) => this.#followMounts(asked), joinedMounts);
  #closed = false;
  #isPaused = false;

  /** Whether Docker has answered through the host's socket, and nothing has been said against it since. */
  dockerReachable = false;

  constructor(options: SeamOptions) {
    this.#options = options;
    this.#doors = options.doors;
    this.#forwards = new GuestForwards(this.#doors.gateway, options);
    this.#changes = new ChangeFeed(options.watched, options.log);
    this.#agent = new AgentLink({
      ...options,
      onMessage: (message, reply) => this.#hear(message, reply),
      onLinked: (link) => this.#onLinked(link),
      onLost: () => this.#onLost(),
      onHopeless: (error) => options.dispatch({ type: "failure", error }),
    });
    this.#clock = new GuestClockKeeper({
      link: () => this.#awake,
      onDead: (reason) => this.#agent.renew(reason),
      onJump: () => void this.#reopen(),
      log: options.log,
      ...(options.watchJumps && { watchJumps: options.watchJumps }),
      ...(options.wakeMs !== undefined && { wakeMs: options.wakeMs }),
    });
    this.#search = new GuestSearch(options.resolvConf, () => this.#agent.current, options.log);
    this.#sockets = new HostSockets(this.#doors.gateway, {
      ...options.sockets,
      tell(text) {
        options.log(text);
        options.warn(text);
      },
    });
    this.#names = new GuestNames(options, () => this.#agent.current);
    this.#doors.gateway.onUse = () => this.#clock.used();
  }

  get forwards(): readonly Readonly<Forward>[] {
    return this.#forwards.all;
  }

  /** Listens on exactly these forwards by hand. Resolves to those that it cannot, and why. */
  async listenByHand(forwards: readonly HandForward[]): Promise<readonly FailedPort[]> {
    return await this.#forwards.listenByHand(forwards);
  }

  /** Links to the agent that is there now, and tries again until there is one. */
  dial(): void {
    this.#agent.dial();
  }

  /** The guest stands still, and is asked nothing. */
  pause(): void {
    this.#isPaused = true;
  }

  /**
   * It goes on: its clock is set first of all, and an agent that does not answer is dialled anew. Where it `serves`,
   * those are served who have waited.
   */
  goOn(serves: boolean): void {
    this.#isPaused = false;
    this.#clock.check();
    const link = this.#agent.current;
    if (serves && link !== undefined) this.#doors.gateway.use(link.pool);
  }

  /** Lets go of a guest that starts anew: clients are refused at once until its agent rings. */
  drop(reason: string): void {
    void dismissMasters(this.#options.paths);
    this.#agent.drop(reason);
  }

  /**
   * Asks Docker through the host's own socket: that is the way the user has. The guest holds the question if need be.
   */
  pingDocker(): void {
    this.#doors.openSockets();
    this.#ping.ask(this.#agent.current);
  }

  /** Closes every listener and connection but the doors. */
  close(): void {
    this.#closed = true;
    this.#first.lost();
    this.#ping.close();
    this.#agent.close();
    this.#clock.close();
    this.#search.close();
    this.#names.close();
    this.#forwards.close();
    this.#changes.close();
  }

  /** The link to an agent that can answer. */
  get #awake(): GuestLink | undefined {
    return this.#isPaused ? undefined : this.#agent.current;
  }

  #onLinked(link: GuestLink): void {
    this.#doors.gateway.use(link.pool);
    this.#clock.look();
    this.#options.provisioning.onHello(link.hello);
    const { caCertificates, sockets, warn } = this.#options;
    tellOfCertificates(link.hello, caCertificates, warn);
    tellOfSockets(link.hello, sockets.setting, sockets.sockets, warn);
    this.#first.linked(link);
    this.#options.dispatch({ type: "linked" });
  }

  /** Opens again what may have gone while nobody was awake: listeners that the system has let go, a socket's file. */
  async #reopen(): Promise<void> {
    await this.#doors.reopen();
    await this.#forwards.reopen();
  }

  #onLost(): void {
    this.#first.lost();
    this.#names.lost();
    this.#doors.gateway.use(undefined);
    this.sleep.lost();
    this.#changes.close();
    this.#options.disks.guest.unlinked();
    this.dockerReachable = false;
    this.#options.dispatch({ type: "link-lost" });
  }

  /**
   * What is done at once is done before the next message is read; what takes long is done for the newest of its kind.
   */
  #hear(message: AgentMessage, reply: Reply): void | Promise<void> {
    switch (message.type) {
      case "hello":
      case "renewed":
        return;
      case "ports":
        if (message.ports.length > 0) this.#first.ports();
        this.#forwards.note(message.ports);
        // Large, and served quickly: a guest that reports faster than that waits.
        return this.#reports({ message, reply });
      case "docker":
        if (message.state === "ready") return this.pingDocker();
        this.#first.down();
        this.dockerReachable = false;
        return this.#options.dispatch({ type: "docker-down" });
      case "log":
        return keepWords(this.#options, message.text);
      case "mounts": {
        // Whoever asks about what is watched already need not wait for what is just being looked through.
        const isAsk = message.ask !== undefined && this.#changes.isFollowing(message.sources);
        void (isAsk ? this.#asks : this.#mounts)({ message, reply });
        return;
      }
      case "provision":
        return this.#options.provisioning.onSteps(message.steps);
      case "disks":
        return this.#options.disks.guest.answered(message);
      case "memory":
        return this.memory.answered(message);
      case "asleep":
        return this.sleep.answered(message);
      case "use":
        return this.use.answered(message);
      case "calm":
        return this.calm.answered(message);
      case "socket":
        return this.#sockets.hear(message, reply);
      case "clock":
        return this.#clock.asked(message.asked, (answer) => void reply(answer));
    }
  }

  async #followMounts({ message, reply }: Asked<"mounts">): Promise<void> {
    const { sources, ask } = message;
    if (ask === undefined) return await this.#changes.follow(sources, reply);
    await this.#changes.catchUp(sources, reply);
    void reply({ ...emptyMessage, answers: ask });
  }

  /** Whether Docker answers. */
  async #askDocker(link: GuestLink | undefined, signal: AbortSignal): Promise<boolean> {
    const { dispatch, log, onDocker, paths } = this.#options;
    try {
      await dockerApi(paths.dockerSocket).ping(signal);
    } catch (error) {
      // The agent reports when Docker is there again, and that asks anew.
      if (!signal.aborted) log(`Docker does not answer: ${String(error)}`);
      return false;
    }
    await onDocker();
    // A link that was lost meanwhile took Docker with it; the next one asks anew.
    if (link !== this.#agent.current || this.#closed) return true;
    this.#agent.proved();
    this.dockerReachable = true;
    dispatch({ type: "docker-answers" });
    this.#first.answered();
    return true;
  }
}
