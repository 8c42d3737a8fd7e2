/** The agent's end of the control connection: says hello, sends its whole state, and sends it again when it changes. */
import { messageOf } from "../../base/errors.ts";
import type { DiskState } from "../../protocol/disk-messages.ts";
import { encode, LineReader } from "../../protocol/frame.ts";
import {
  type AgentMessage,
  type FailedPort,
  type HostMessage,
  parseHostMessage,
  protocolVersion,
  type ProvisionStep,
  type PublishedPort,
} from "../../protocol/messages.ts";
import type { NamesMessage } from "../../protocol/names.ts";
import type { Asleep } from "../../protocol/sleep.ts";
import { capabilities } from "../../protocol/skew.ts";
import type { Connection } from "../../system/net/connection.ts";
import { converse } from "../../system/net/conversation.ts";
import { sayAsError } from "../../system/standard-error.ts";
import { Backlog } from "./backlog.ts";

/** What the host should know, as of now. `report` numbers the state of the ports. */
type Report = {
  report: number;
  ports: readonly PublishedPort[];
  docker: "ready" | "down";
  sources: readonly string[];
  steps: readonly ProvisionStep[];
};

/** Who this agent is, for `hello`. */
export type Identity = Pick<Extract<AgentMessage, { type: "hello" }>, "version" | "arch" | "image">;

/** What a host may leave unread, in bytes: some of the largest reports. One that is not heard of dials again. */
const unreadBytesMax = 4 * 1024 ** 2;

/** All control connections of one agent: usually one, two while a supervisor is being replaced. */
export class HostLink {
  readonly #identity: Identity;
  readonly #connections = new Set<Connection>();
  /** Changes of many files take the guest a while, and answers must not wait for them. */
  readonly #changes = new Backlog();
  #asked = 0;
  #knowsPorts = true;
  #report: Report = { report: 0, ports: [], docker: "down", sources: [], steps: [] };

  /** Called with each answer to a report of ports; `taken` when it was asked for. */
  onServed: (report: number, failed: readonly FailedPort[], taken?: readonly number[]) => void = () => {};
  /** Called when the host wants the clock looked at, or answers what `ask` has asked on the same link. */
  onClock: (message: Extract<HostMessage, { type: "clock" }>, ask: (asked: number) => void) => void = () => {};
  /** Called when the host is about to suspend the guest; `answer` tells it that the guest has let go, or cannot. */
  onSleep: (ifUnused: boolean, answer: (asleep: Asleep) => void) => Promise<void> = async () => {};
  /** Called when the host asks what is in use; resolves to that, as a sentence. */
  onUse: () => Promise<string | undefined> = async () => undefined;
  /** Called when the host wants to know when the guest is calm; `answer` tells it. */
  onCalm: (answer: () => void) => void = () => {};
  /** Called when the host makes this guest another one. Throws why that cannot be. */
  onRenew: (renewal: Extract<HostMessage, { type: "renew" }>) => Promise<void> = async () => {};
  /** Called with each new link: a guest that was suspended is awake. Owns its errors. */
  onLinked: () => void = () => {};
  /** Called with how the host completes names. */
  onNames: (message: NamesMessage) => void = () => {};
  /** Called when the host is connected to lanes; what it gives back closes them, together with the link. */
  onLanes: (message: Extract<HostMessage, { type: "lanes" }>) => { close(): void } = () => ({ close: () => {} });
  /** Called with how large the VM's disks are; what it resolves to is what the guest has of them. Owns its errors. */
  onDisks: (disks: Extract<HostMessage, { type: "disks" }>["disks"]) => Promise<DiskState[]> = async () => [];
  /** Called when the host does not bring that client to the socket that it has asked for. */
  onSocketRefused: (client: number) => void = () => {};
  /** Called when the host asks how much memory the guest uses, in bytes. */
  onMemory: () => Promise<number> = async () => 0;
  /**
   * Called with what has changed on the host below what containers mount; also before what it gave back for other
   * changes has resolved, until too many wait.
   */
  onChanges: (changes: Extract<HostMessage, { type: "changes" }>) => void | Promise<void> = () => {};

  constructor(identity: Identity) {
    this.#identity = identity;
  }

  /** Says nothing of ports before the first report of them: the host keeps what it has meanwhile. */
  awaitPorts(): void {
    this.#knowsPorts = false;
  }

  /** Takes a control connection over and brings the host up to date. */
  adopt(connection: Connection, early: Uint8Array): void {
    const reader = new LineReader();
    this.onLinked();
    const send = (message: AgentMessage): void => void connection.write(encode(message));
    let lanes: { close(): void } | undefined;
    const hear = converse(connection, {
      cut: (bytes) => reader.cut(bytes),
      onMessage: (line) => {
        const message = parseHostMessage(line);
        if (message?.type === "lanes") lanes = this.onLanes(message);
        else if (message?.type === "renew") void this.#renew(message, connection);
        else if (message !== undefined) return this.#hear(message, send);
      },
      unreadBytesMax,
      onOver: (reason, isOurs) => {
        this.#connections.delete(connection);
        lanes?.close();
        if (isOurs) this.log(messageOf(reason));
      },
    });
    this.#connections.add(connection);
    send({ type: "hello", protocol: protocolVersion, capabilities: [...capabilities], ...this.#identity });
    if (this.#knowsPorts) send(this.#portsMessage());
    send({ type: "docker", state: this.#report.docker });
    if (this.#report.steps.length > 0) send({ type: "provision", steps: [...this.#report.steps] });
    // A new link begins without any.
    if (this.#report.sources.length > 0) send({ type: "mounts", sources: [...this.#report.sources] });
    hear(early);
  }

  /**
   * Reports all ports that the host should listen on; gives back the report's number, or nothing without a host.
   * `choosing` asks which ports Docker had better not choose: of the VM's own.
   */
  reportPorts(ports: readonly PublishedPort[], choosing = false): number | undefined {
    this.#report.ports = ports;
    this.#report.report += 1;
    this.#knowsPorts = true;
    this.#send(choosing ? { ...this.#portsMessage(), choosing } : this.#portsMessage());
    return this.#connections.size === 0 ? undefined : this.#report.report;
  }

  /** Whether the Docker daemon answers. */
  reportDocker(state: "ready" | "down"): void {
    if (this.#report.docker === state) return;
    this.#report.docker = state;
    this.#send({ type: "docker", state });
  }

  /** What running containers mount. */
  reportMounts(sources: readonly string[]): void {
    this.#report.sources = sources;
    this.#send({ type: "mounts", sources: [...sources] });
  }

  /**
   * The same, and asks for all that has changed up to now; gives back the answer's number, or nothing without a host.
   */
  askChanges(sources: readonly string[]): number | undefined {
    this.#report.sources = sources;
    if (this.#connections.size === 0) return undefined;
    this.#asked += 1;
    this.#send({ type: "mounts", sources: [...sources], ask: this.#asked });
    return this.#asked;
  }

  /**
   * Asks the host to bring a client to a socket of its own; without a client, says that a container mounts what the
   * settings do not have. False without a host.
   */
  askSocket(name: string, client?: number): boolean {
    this.#send({ type: "socket", name, client });
    return this.#connections.size > 0;
  }

  /** How far the commands of the settings are. */
  reportProvision(steps: readonly ProvisionStep[]): void {
    this.#report.steps = steps;
    this.#send({ type: "provision", steps: [...steps] });
  }

  /** A line for the host's agent log; the guest's journal gets it too. */
  log(text: string): void {
    sayAsError(`${text}\n`);
    this.#send({ type: "log", text: text.slice(0, 16_384) });
  }

  #portsMessage(): Extract<AgentMessage, { type: "ports" }> {
    const { report, ports } = this.#report;
    return { type: "ports", report, ports: [...ports] };
  }

  #hear(message: HostMessage, send: (answer: AgentMessage) => void): void | Promise<void> {
    if (message.type === "clock") this.onClock(message, (asked) => send({ type: "clock", asked }));
    if (message.type === "sleep") {
      void this.onSleep(message.ifUnused === true, send).catch((error: unknown) => this.log(messageOf(error)));
    }
    // The host goes on speaking meanwhile.
    if (message.type === "disks") void this.#answerDisks(message, send);
    if (message.type === "memory") {
      const answer = this.onMemory().then((usedBytes) => send({ type: "memory", answers: message.ask, usedBytes }));
      void answer.catch((error: unknown) => this.log(`memory: ${messageOf(error)}`));
    }
    if (message.type === "use") {
      const answer = this.onUse().then((use) => send({ type: "use", answers: message.ask, use }));
      void answer.catch((error: unknown) => this.log(`use: ${messageOf(error)}`));
    }
    if (message.type === "calm") this.onCalm(() => send({ type: "calm", answers: message.ask }));
    if (message.type === "names") this.onNames(message);
    if (message.type === "socket") this.onSocketRefused(message.refused);
    if (message.type === "served") this.onServed(message.report, message.failed, message.taken);
    if (message.type !== "changes") return;
    const taken = this.onChanges(message);
    if (taken === undefined) return;
    return this.#changes.add(message, taken, (error) => this.log(`changes: ${messageOf(error)}`));
  }

  /** Whoever else is linked by then has the secret of before, which others know too. */
  async #renew(message: Extract<HostMessage, { type: "renew" }>, connection: Connection): Promise<void> {
    const refusal = await this.onRenew(message).then(() => undefined, messageOf);
    for (const other of this.#connections) if (other !== connection) other.reset();
    connection.write(encode({ type: "renewed", refusal } satisfies AgentMessage));
  }

  async #answerDisks(
    { ask, disks }: Extract<HostMessage, { type: "disks" }>,
    send: (answer: AgentMessage) => void,
  ): Promise<void> {
    send({ type: "disks", answers: ask, disks: await this.onDisks(disks) });
  }

  #send(message: AgentMessage): void {
    const line = encode(message);
    for (const connection of this.#connections) connection.write(line);
  }
}
