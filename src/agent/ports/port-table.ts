/** The port table: what containers publish, what starting ones have asked for, and what the host makes of it. */
import { within } from "../../system/clock.ts";
import { type FailedPort, nameLettersMax, type PublishedPort, reportPortsMax } from "../../protocol/messages.ts";
import { keyOf, type ServedPort } from "./published.ts";

/**
 * Sends a whole report to the host; nothing when nobody is linked, else its number. `choosing`: Docker is about to
 * choose ports by itself.
 */
export type Reporter = (ports: readonly PublishedPort[], choosing: boolean) => number | undefined;

/** What waits for the host's word on a report. */
type Waiter = { readonly report: number; readonly resolve: (failed: readonly FailedPort[]) => void };

/**
 * How long the program behind a port may take to listen once the port is published. `docker run -d` returns when the
 * program is started; a server in C listens some ms later, one of Node.js after half a second.
 */
const startMs = 2_000;

/** The source that most ports come from. */
const docker = "docker";

/** The state that is reported: published ports, and those that a start under way has asked for. */
export class PortTable {
  readonly #report: Reporter;
  readonly #onTrouble: (text: string) => void;
  #cut = 0;
  readonly #now: () => number;
  #served = new Map<string, ServedPort>();
  /** When each of them was first published by the container that does, by `lifeOf`. */
  #since = new Map<string, number>();
  readonly #sources = new Map<string, readonly ServedPort[]>();
  readonly #asked = new Map<string, readonly PublishedPort[]>();
  /** Starts that are over, but no list has told yet what came of them. */
  readonly #over = new Set<string>();
  #waiters: Waiter[] = [];
  /** Open while nothing is said, since nothing is known. */
  #silence: PromiseWithResolvers<void> | undefined;

  constructor(report: Reporter, onTrouble: (text: string) => void = () => {}, now = () => performance.now()) {
    this.#report = report;
    this.#onTrouble = onTrouble;
    this.#now = now;
  }

  /**
   * Says nothing until Docker's first list, or until `speak`: an agent that has just started does not know what is
   * published, and the host must not take that for nothing.
   */
  keepSilent(): void {
    this.#silence ??= Promise.withResolvers();
  }

  /** Says what is known, though there has been no list yet. Nothing when the silence is over. */
  speak(): void {
    if (this.#silence === undefined) return;
    this.#endSilence();
    this.publish();
  }

  /** Resolves when it is known what is published. */
  async known(): Promise<void> {
    await this.#silence?.promise;
  }

  /** Where a published port leads inside the guest; nothing when no container publishes it now. */
  find(port: Pick<PublishedPort, "protocol" | "hostIp" | "hostPort">): ServedPort["target"] | undefined {
    return this.#served.get(keyOf(port))?.target;
  }

  /** Whether a port was published just now, so that the program behind it may be about to listen. */
  isStarting(port: Pick<PublishedPort, "protocol" | "hostIp" | "hostPort">): boolean {
    const served = this.#served.get(keyOf(port));
    const sinceMs = served === undefined ? undefined : this.#since.get(lifeOf(served));
    return sinceMs !== undefined && this.#now() - sinceMs < startMs;
  }

  /**
   * Replaces what one source publishes; of two with the same port Docker's counts. The host is told at the next
   * `publish`.
   */
  setPublished(ports: readonly ServedPort[], source = docker): void {
    this.#sources.set(source, ports);
    const others = [...this.#sources].filter(([name]) => name !== docker).flatMap(([, theirs]) => theirs);
    const all = [...(this.#sources.get(docker) ?? []), ...others];
    this.#served = new Map();
    for (const port of all) if (!this.#served.has(keyOf(port))) this.#served.set(keyOf(port), port);
    const lives = [...this.#served.values()].map(lifeOf);
    this.#since = new Map(lives.map((life) => [life, this.#since.get(life) ?? this.#now()]));
    if (source !== docker) return;
    this.#endSilence();
    for (const id of this.#over) this.#asked.delete(id);
    this.#over.clear();
  }

  /** Adds the ports that a container about to start asks for; `drop` takes them out again. */
  ask(id: string, ports: readonly PublishedPort[]): void {
    this.#asked.set(id, ports);
    this.#over.delete(id);
  }

  drop(id: string): void {
    this.#asked.delete(id);
  }

  /** Takes them out with the next list: until there is one, nobody knows whether they are published. */
  dropWhenListed(id: string): void {
    this.#over.add(id);
  }

  /** Forgets every start under way: the daemon that was asked for them is gone. */
  dropAll(): void {
    this.#asked.clear();
  }

  /** True while this container counts as publishing something. */
  publishes(containerId: string): boolean {
    return [...this.#served.values()].some((port) => port.containerId === containerId);
  }

  /** Everything that the host should listen on now. Ports of running containers come first. */
  get wanted(): readonly PublishedPort[] {
    const served = [...this.#served.values()].map(({ target: _target, ...port }) => port);
    const asked = [...this.#asked.values()].flat().filter((port) => !this.#served.has(keyOf(port)));
    // Docker takes names of any length; one that the host does not take would cost the whole report, and the link.
    return [...served, ...asked].map((port) => ({ ...port, container: port.container.slice(0, nameLettersMax) }));
  }

  /** The ports that Docker publishes for one container, without those on which its programs listen by themselves. */
  publishedBy(containerId: string): readonly PublishedPort[] {
    return (this.#sources.get(docker) ?? []).filter((port) => port.containerId === containerId);
  }

  /** Reports without waiting. */
  publish(): void {
    if (this.#silence !== undefined) return;
    this.#report(this.#fitting().ports, false);
  }

  /**
   * Reports, and resolves once the host listens on everything it can, with what it cannot. Resolves to nothing when no
   * host is linked, or it does not answer within `deadlineMs`: containers must not wait for a host that is away.
   */
  async publishAndWait(deadlineMs: number, choosing = false): Promise<readonly FailedPort[] | undefined> {
    if (this.#silence !== undefined) await this.known();
    const { ports, left } = this.#fitting();
    const report = this.#report(ports, choosing);
    if (report === undefined) return undefined;
    const { promise, resolve } = Promise.withResolvers<readonly FailedPort[]>();
    const waiter = { report, resolve };
    this.#waiters.push(waiter);
    try {
      return [...(await within(promise, deadlineMs, () => new Error("late"))), ...left];
    } catch {
      return undefined;
    } finally {
      this.#waiters = this.#waiters.filter((other) => other !== waiter);
    }
  }

  #endSilence(): void {
    this.#silence?.resolve();
    this.#silence = undefined;
  }

  /** As many ports as one report takes, and those that are left: they fail with the reason. */
  #fitting(): { readonly ports: readonly PublishedPort[]; readonly left: readonly FailedPort[] } {
    const wanted = this.wanted;
    const count = countFitting(wanted);
    const left = wanted.slice(count);
    if (left.length > 0 && left.length !== this.#cut) this.#onTrouble(`${left.length} ${tooMany}`);
    this.#cut = left.length;
    const failed = left.map(({ protocol, hostIp, hostPort }) => {
      return { protocol, hostIp, hostPort, reason: `Port ${hostPort} is not forwarded: the ${tooMany}` };
    });
    return { ports: wanted.slice(0, count), left: failed };
  }

  /** The host's word: everything up to this report is listened on, but for what has failed. */
  onServed(report: number, failed: readonly FailedPort[]): void {
    for (const waiter of this.#waiters) if (waiter.report <= report) waiter.resolve(failed);
  }
}

// --- internal ---

/** A port as long as one container publishes it. */
function lifeOf(port: ServedPort): string {
  return `${keyOf(port)} ${port.containerId}`;
}

/** Room for the ports in one message, which has at most 1 MiB (protocol/frame.ts). */
const reportBytesMax = 1_000_000;

const tooMany = `published ports are more than the host takes of one VM, which is ${reportPortsMax} or 1 MB of them.`;

/** How many of the ports fit into one report. */
function countFitting(ports: readonly PublishedPort[]): number {
  let bytes = 0;
  for (const [index, port] of ports.entries()) {
    bytes += Buffer.byteLength(JSON.stringify(port)) + 1;
    if (index >= reportPortsMax || bytes > reportBytesMax) return index;
  }
  return ports.length;
}
