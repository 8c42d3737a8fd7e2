/** The book of ports: what containers publish, what starting ones have asked for, and what the host makes of it. */
import { within } from "../../system/clock.ts";
import type { FailedPort, PublishedPort } from "../../protocol/messages.ts";
import { keyOf, type ServedPort } from "./published.ts";

/** Sends a whole report to the host; nothing when nobody is linked, else its number. */
export type Reporter = (ports: readonly PublishedPort[]) => number | undefined;

/** What waits for the host's word on a report. */
type Waiter = { readonly report: number; readonly resolve: (failed: readonly FailedPort[]) => void };

/** The state that is reported: published ports, and those that a start under way has asked for. */
export class PortBook {
  readonly #report: Reporter;
  #served = new Map<string, ServedPort>();
  readonly #asked = new Map<string, readonly PublishedPort[]>();
  #waiters: Waiter[] = [];

  constructor(report: Reporter) {
    this.#report = report;
  }

  /** Where a published port leads inside the guest; nothing when no container publishes it now. */
  find(port: Pick<PublishedPort, "protocol" | "hostIp" | "hostPort">): ServedPort["target"] | undefined {
    return this.#served.get(keyOf(port))?.target;
  }

  /** Replaces what is published. The host is told at the next `publish`. */
  setPublished(ports: readonly ServedPort[]): void {
    this.#served = new Map(ports.map((port) => [keyOf(port), port]));
  }

  /** Adds the ports that a container about to start asks for; `drop` takes them out again. */
  ask(id: string, ports: readonly PublishedPort[]): void {
    this.#asked.set(id, ports);
  }

  drop(id: string): void {
    this.#asked.delete(id);
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
    return [...served, ...asked];
  }

  /** Reports without waiting. */
  publish(): void {
    this.#report(this.wanted);
  }

  /**
   * Reports, and resolves once the host listens on everything it can, with what it cannot. Resolves to nothing when no
   * host is linked, or it does not answer within `deadlineMs`: containers must not wait for a host that is away.
   */
  async publishAndWait(deadlineMs: number): Promise<readonly FailedPort[] | undefined> {
    const report = this.#report(this.wanted);
    if (report === undefined) return undefined;
    const { promise, resolve } = Promise.withResolvers<readonly FailedPort[]>();
    const waiter = { report, resolve };
    this.#waiters.push(waiter);
    try {
      return await within(promise, deadlineMs, () => new Error("late"));
    } catch {
      return undefined;
    } finally {
      this.#waiters = this.#waiters.filter((other) => other !== waiter);
    }
  }

  /** The host's word: everything up to this report is listened on, but for what has failed. */
  onServed(report: number, failed: readonly FailedPort[]): void {
    for (const waiter of this.#waiters) if (waiter.report <= report) waiter.resolve(failed);
  }
}
