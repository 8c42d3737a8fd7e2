/** The supervisor: the process that owns one VM's QEMU, listeners and sockets from start to end. */
import { rmSync, writeFileSync } from "node:fs";
import { errorOf, type ErrorReport, messageOf, QnError, reportOf } from "../../base/errors.ts";
import { acquireLock } from "../../system/kernel/lock.ts";
import { openTrace, tracesIn } from "../../system/trace.ts";
import type { Listener } from "../../system/net/connection.ts";
import { type Client, serveControl } from "./control.ts";
import { Door } from "./door.ts";
import { Effects } from "./effects.ts";
import { describe, logTo } from "./log-lines.ts";
import { step } from "./machine.ts";
import { type Effect, type Event, initial, type State, stopGraceMs } from "./states.ts";
import type { SuperviseOptions } from "./options.ts";
import type { ControlEvent, Request } from "./messages.ts";
import { tailOf } from "./boot/serial.ts";
import { memoryStatus } from "./seam/guest-memory.ts";
import { PortWatchers } from "./port-watchers.ts";
import { forwardStatuses, reasonOf, statusOf } from "./status.ts";

/** How many warnings are kept for commands that come late: a guest can cause one again and again. */
const warningsMax = 100;

/**
 * Runs the VM until it has stopped. Throws VM_BUSY when it has a supervisor already, and what it failed with when it
 * failed; by then QEMU is gone and the reason is in last-failure.json.
 */
export async function supervise(options: SuperviseOptions): Promise<void> {
  const { paths } = options;
  const lock = acquireLock(paths.lock);
  if (lock === undefined) throw new QnError("VM_BUSY", `The VM "${paths.name}" has a supervisor already.`);
  const supervisor = new Supervisor(options);
  try {
    using _trace = openTrace(tracesIn(options.env["QN_TRACE"]), paths.logs.trace);
    await supervisor.run();
  } finally {
    lock.release();
    supervisor.dismiss();
  }
}

// --- internal ---

class Supervisor {
  readonly #options: SuperviseOptions;
  readonly #log: (text: string) => void;
  readonly #effects: Effects;
  readonly #startedAtMs = Date.now();
  readonly #followers = new Set<Client>();
  readonly #stateWatchers = new Set<Client>();
  readonly #portWatchers = new PortWatchers(() => forwardStatuses(this.#effects.snapshot().forwards));
  readonly #finished = Promise.withResolvers<void>();
  readonly #warnings: string[] = [];
  readonly #phases: ControlEvent[] = [{ event: "phase", phase: "image", sinceMs: 0 }];
  /** When the start began that `sinceMs` counts from: this one's, or the last time that the VM woke up. */
  #beganAtMs = this.#startedAtMs;
  #state: State = initial;

  constructor(options: SuperviseOptions) {
    this.#options = options;
    this.#log = logTo(options.log);
    this.#effects = new Effects(options, {
      dispatch: (event) => this.#dispatch(event),
      onForwards: (what) => this.#portWatchers.changed(what),
      onFetching: (text) => this.#tellFetching(text),
      onProvision: (step, of) => this.#tell({ event: "provision", step, of }),
      warn: (text) => {
        this.#warnings.push(text);
        if (this.#warnings.length > warningsMax) this.#warnings.shift();
        this.#tell({ event: "warning", text });
      },
      log: this.#log,
    });
  }

  async run(): Promise<void> {
    const { paths, signal, onListening } = this.#options;
    rmSync(paths.lastFailure, { force: true });
    const control = new Door(paths.controlSocket, () => this.#serveControl(), this.#log);
    control.open();
    const onStop = (): void => this.#dispatch({ type: "stop", force: false });
    signal.addEventListener("abort", onStop, { once: true });
    this.#log(`supervisor of ${paths.name} starts, qn ${this.#options.version}, pid ${process.pid}`);
    onListening();
    this.#effects.begin();
    await this.#finished.promise;
    signal.removeEventListener("abort", onStop);
    control.close();
    rmSync(paths.controlSocket, { force: true });
    if (this.#state.name === "failed") throw errorOf(this.#state.error);
  }

  #serveControl(): Listener {
    return serveControl(
      this.#options.paths.controlSocket,
      (request, client) => this.#answer(request, client),
      (client) => {
        this.#followers.delete(client);
        this.#stateWatchers.delete(client);
        this.#portWatchers.remove(client);
      },
    );
  }

  /** Ends the conversations with those who wait for the end: once the VM is free, so that they find it so. */
  dismiss(): void {
    for (const follower of this.#followers) follower.close();
  }

  #dispatch(event: Event): void {
    const before = this.#state;
    const limits = { stopGraceMs, bootMs: this.#effects.bootLimitMs(), ...this.#options.limits };
    const [next, ...effects] = step(before, event, limits);
    this.#state = next.name === "failed" ? this.#withConsole(next) : next;
    if (before.name !== next.name) this.#effects.rest.stateIs(next.name);
    if (effects.some(({ type }) => type === "wake")) this.#beginAgain();
    if (describe(before) !== describe(next)) {
      this.#log(`${describe(before)} -> ${describe(next)} (${event.type})`);
      if (this.#state.name === "failed") this.#recordFailure(this.#state.error);
      for (const watcher of this.#stateWatchers) watcher.send(this.#stateEvent());
      const told = isSamePhase(before, next) ? undefined : this.#asEvent(this.#state);
      if (told?.event === "phase") this.#phases.push(told);
      if (told !== undefined) this.#tell(told);
    }
    for (const effect of effects) this.#perform(effect);
  }

  /** Who follows a VM that wakes up hears of that start alone. */
  #beginAgain(): void {
    this.#beganAtMs = Date.now();
    this.#phases.length = 0;
  }

  #perform(effect: Effect): void {
    if (effect.type !== "finish") return this.#effects.perform(effect);
    void this.#effects.cleanUp().finally(() => this.#finished.resolve());
  }

  #answer(request: Request, client: Client): void | Promise<void> {
    switch (request.ask) {
      case "status":
        return this.#tellStatus(request, client);
      case "follow": {
        if (request.wakes === true) this.#dispatch({ type: "wake" });
        this.#followers.add(client);
        for (const text of this.#warnings) client.send({ event: "warning", text });
        // Whoever comes a moment late hears of the phases before, too.
        if (this.#state.name === "starting") return this.#phases.forEach((phase) => void client.send(phase));
        const told = this.#asEvent(this.#state);
        return void (told !== undefined && client.send(told));
      }
      case "events":
        this.#stateWatchers.add(client);
        client.send(this.#stateEvent());
        this.#followers.add(client);
        return this.#portWatchers.add(client);
      case "ports":
        this.#followers.add(client);
        return this.#portWatchers.add(client);
      case "forward":
        return this.#forward(request, client);
      case "grow":
        return this.#grow(request, client);
      case "suspend":
        return this.#suspend(client);
      case "stop":
        this.#followers.add(client);
        return this.#dispatch({ type: "stop", force: request.force, isCallOff: request.isCallOff });
    }
  }

  async #forward({ change, forward }: Extract<Request, { ask: "forward" }>, client: Client): Promise<void> {
    try {
      await this.#effects.seams.handForwards.change(change, forward);
      client.send({ event: "forwarded" });
    } catch (error) {
      client.send({ event: "refused", error: sendable(reportOf(error)) });
    }
  }

  /** Whoever asks while it is under way waits with the first. */
  async #suspend(client: Client): Promise<void> {
    const wasAsleep = this.#state.name === "asleep";
    this.#followers.add(client);
    this.#dispatch({ type: "suspend" });
    try {
      if (wasAsleep) return;
      if (this.#state.name !== "suspending") throw notNow(this.#state);
      await this.#effects.rest.suspension.done;
    } catch (error) {
      client.send({ event: "refused", error: sendable(reportOf(error)) });
    }
  }

  async #grow({ disks }: Extract<Request, { ask: "grow" }>, client: Client): Promise<void> {
    // Disks grow in the hands of QEMU.
    this.#dispatch({ type: "wake" });
    try {
      client.send({ event: "grown", disks: [...(await this.#effects.disks.grow(disks))] });
    } catch (error) {
      client.send({ event: "refused", error: sendable(reportOf(error)) });
    }
  }

  async #tellStatus({ memory }: Extract<Request, { ask: "status" }>, client: Client): Promise<void> {
    const { guestMemory, qemu } = this.#effects.snapshot();
    const asked = memory === true && { memory: await memoryStatus(guestMemory, qemu.pid) };
    const status = statusOf(this.#options.paths, this.#state, this.#effects.snapshot(), Date.now() - this.#startedAtMs);
    client.send({ event: "status", status: { ...status, ...asked } });
  }

  #stateEvent(): ControlEvent {
    return { event: "state", state: this.#state.name, reason: reasonOf(this.#state) };
  }

  #tellFetching(text: string): void {
    this.#log(text);
    this.#phases.push({ event: "fetching", text });
    this.#tell({ event: "fetching", text });
  }

  #tell(event: ControlEvent): void {
    for (const follower of this.#followers) follower.send(event);
  }

  #asEvent(state: State): ControlEvent | undefined {
    const sinceMs = Date.now() - this.#beganAtMs;
    switch (state.name) {
      case "starting":
        return { event: "phase", phase: state.phase, sinceMs };
      case "running":
        return { event: "running", sinceMs };
      case "stopped":
        return {
          event: "stopped",
          forced: state.forced,
          ...(state.isSuspended && { suspended: { containers: [...this.#effects.rest.suspension.containers] } }),
        };
      case "failed":
        return { event: "failed", error: sendable(state.error) };
      case "degraded":
        return { event: "degraded", reason: reasonOf(state) ?? "" };
      case "suspending":
      case "asleep":
      case "paused":
      case "stopping":
        return undefined;
    }
  }

  /** A failure with the guest's last words, unless it brings lines of its own. */
  #withConsole({ name, error }: Extract<State, { name: "failed" }>): State {
    const details = error.details ?? [];
    return {
      name,
      error: { ...error, details: details.length > 0 ? details : tailOf(this.#options.paths.logs.serial, 10) },
    };
  }

  #recordFailure(error: ErrorReport): void {
    this.#log(`failed: ${error.message}`);
    try {
      writeFileSync(this.#options.paths.lastFailure, JSON.stringify(error), { mode: 0o600 });
    } catch (cause) {
      this.#log(`cannot write ${this.#options.paths.lastFailure}: ${messageOf(cause)}`);
    }
  }
}

/** A report as the control socket's schema has it: with a list of its own. */
function sendable(report: ErrorReport) {
  return { ...report, details: [...(report.details ?? [])] };
}

function notNow({ name }: State): QnError {
  return new QnError("SUSPEND_REFUSED", `The VM is ${name}; only one that is running can be suspended.`, {
    hint: "`qn up` waits until it is running.",
  });
}

/** Whether a start goes on where it was: waiting, or no more. */
function isSamePhase(before: State, next: State): boolean {
  return before.name === "starting" && next.name === "starting" && before.phase === next.phase;
}
