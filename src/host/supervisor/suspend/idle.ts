/** Has a VM that nobody uses stand still: paused, though containers run in it, or asleep. */
import { counted } from "../../../base/words.ts";
import { messageOf } from "../../../base/errors.ts";
import type { IdleClock } from "../../gate/idle-clock.ts";
import type { Teller } from "../options.ts";
import type { State } from "../states.ts";
import type { Running } from "./suspension.ts";

/** What could not be saved is tried again after at least this long: a disk that is full stays so for a while. */
const laterMs = 3_600_000;

/** What is looked at before. */
type Guest = { readonly seam: Pick<Running["seam"], "use" | "calm" | "forwards"> };

/** Who has sshd's clients: how many, and how those go that have nobody to serve (integrate/ssh-master.ts). */
export type SshUse = { readonly connections: () => number; readonly dismissMasters: () => Promise<void> };

/**
 * How long nobody has to have used the VM before it falls asleep, or is paused, and how long it is paused at most;
 * undefined for ever.
 */
export type Times = Readonly<Record<"sleepMs" | "pauseMs" | "wakeMs", number | undefined>>;

/** What comes when, the first first. */
type Step = { readonly type: "pause" | "suspend"; readonly ms: number };

/** The one of a supervisor. */
export class Idle {
  readonly #clock: IdleClock;
  readonly #guest: () => Guest | undefined;
  readonly #ssh: SshUse;
  readonly #tell: Pick<Teller, "dispatch" | "warn" | "log">;
  #times: Times = { sleepMs: undefined, pauseMs: undefined, wakeMs: undefined };
  #steps: readonly Step[] = [];
  /** When it may be tried again to save it. */
  #nextMs: number | undefined;
  /** How long after it was paused it falls asleep, if it does. */
  #fromPauseMs: number | undefined;
  /** When one that is paused goes on by itself, by this machine's steady clock. */
  #goesOnAtMs: number | undefined;
  /** Where it goes on by itself just now, how often the VM had been used when it began to. */
  #momentUses: number | undefined;
  #state: State["name"] = "starting";
  #logged = "";
  #warned = "";

  constructor(
    clock: IdleClock,
    guest: () => Guest | undefined,
    ssh: SshUse,
    tell: Pick<Teller, "dispatch" | "warn" | "log">,
  ) {
    this.#clock = clock;
    this.#guest = guest;
    this.#ssh = ssh;
    this.#tell = tell;
    clock.onIdle = (place) => void this.#look(place).catch((error: unknown) => this.failed(error));
  }

  /** Goes by these times, as the settings say. */
  follow(times: Times): void {
    this.#times = times;
  }

  /** The time counts while the VM runs, and goes on while it is paused. */
  stateIs(name: State["name"]): void {
    this.#state = name;
    this.#goesOnAtMs = undefined;
    if (name === "running") this.#count();
    else if (name === "paused") this.#countPaused();
    else this.#clock.stop();
  }

  /** How long one that is paused has until it goes on by itself, if it does. */
  get goesOnInMs(): number | undefined {
    return this.#goesOnAtMs === undefined ? undefined : Math.max(0, this.#goesOnAtMs - performance.now());
  }

  /** The guest has been told to go on. Where it does so for a moment it is paused again as soon as it is calm. */
  wentOn(): void {
    const uses = this.#momentUses;
    this.#momentUses = undefined;
    if (uses !== undefined) void this.#endMoment(uses).catch((error: unknown) => this.failed(error));
  }

  /** It could not be saved, and goes on. A person hears of each reason once. */
  failed(error: unknown): void {
    // Somebody wants it down, and has called that off.
    if (this.#state === "stopping") return;
    const why = messageOf(error);
    if (why !== this.#warned) this.#tell.warn(`Nobody uses the VM, but it stays awake. ${why}`);
    this.#warned = why;
    this.#nextMs = Math.max(this.#times.sleepMs ?? 0, laterMs);
    if (this.#state === "running") this.#count();
  }

  #count(): void {
    const { sleepMs, pauseMs } = this.#times;
    this.#steps = stepsOf({ sleepMs: sleepMs && (this.#nextMs ?? sleepMs), pauseMs });
    this.#nextMs = undefined;
    this.#clock.count(...this.#steps.map(({ ms }) => ms));
  }

  /** One in which nothing is in use falls asleep later; what containers have to do by the clock is done in between. */
  #countPaused(): void {
    const { wakeMs } = this.#times;
    const ms = this.#fromPauseMs ?? wakeMs;
    if (ms === undefined) return this.#clock.stop();
    if (this.#fromPauseMs === undefined) this.#goesOnAtMs = performance.now() + ms;
    this.#clock.count(ms);
  }

  /** Nothing can have begun in a guest that stands still: what was in use is, and nothing else. */
  #leavePause(): void {
    if (this.#fromPauseMs !== undefined) return this.#tell.dispatch({ type: "suspend", isByItself: true });
    this.#tell.log("goes on for a moment, for what is due by the clock");
    this.#tell.dispatch({ type: "wake" });
    this.#momentUses = this.#clock.uses;
  }

  /** The time counts as ever beside it: a guest that is never calm is paused when that is over. */
  async #endMoment(uses: number): Promise<void> {
    if ((await this.#guest()?.seam.calm.isReached()) !== true || this.#clock.uses !== uses) return;
    const guest = this.#guest();
    const step = this.#steps.find(({ type }) => type === "pause");
    if (guest === undefined || step === undefined) return;
    this.#tell.log("is calm");
    await this.#stopIfUnused(guest, step, uses, false);
  }

  async #look(place: number): Promise<void> {
    const guest = this.#guest();
    const step = this.#steps[place];
    if (guest === undefined || step === undefined) return;
    if (this.#state === "paused") return this.#leavePause();
    await this.#stopIfUnused(guest, step, this.#clock.uses, place === this.#steps.length - 1);
  }

  async #stopIfUnused(guest: Guest, step: Step, uses: number, isLast: boolean): Promise<void> {
    const here = await this.#useHere(guest);
    const use = here ?? (await guest.seam.use.ask());
    // Unless somebody has come meanwhile, with whom it counts anew anyway.
    const isUnused = this.#state === "running" && this.#clock.uses === uses;
    if (step.type === "pause" ? here === undefined : use === undefined) {
      if (isUnused) this.#stop(step, use);
      return;
    }
    if (use !== this.#logged) this.#tell.log(`stays awake: ${use}`);
    this.#logged = use ?? "";
    if (isUnused && isLast) this.#count();
  }

  /** Where nothing is in use it falls asleep when the time for that is over; a container keeps it paused. */
  #stop({ type }: Step, use: string | undefined): void {
    const { sleepMs = 0, pauseMs = 0 } = this.#times;
    this.#fromPauseMs = use === undefined && sleepMs > pauseMs ? sleepMs - pauseMs : undefined;
    this.#tell.dispatch(type === "pause" ? { type } : { type, isByItself: true });
  }

  /**
   * Who uses it by the ways that this machine sees. A connection that ssh's commands have in common stays for minutes
   * after the last of them; where there is none any more it ends now, and what is connected then is used.
   */
  async #useHere({ seam }: Guest): Promise<string | undefined> {
    const forward = seam.forwards.find(({ connections }) => connections > 0);
    if (forward !== undefined) return `Port ${forward.hostPort} has clients.`;
    if (this.#ssh.connections() > 0) await this.#ssh.dismissMasters();
    const connections = this.#ssh.connections();
    return connections === 0 ? undefined : `ssh has ${counted(connections, "connection")}.`;
  }
}

// --- internal ---

function stepsOf({ sleepMs, pauseMs }: Pick<Times, "sleepMs" | "pauseMs">): readonly Step[] {
  const steps = [
    ...(sleepMs === undefined ? [] : [{ type: "suspend" as const, ms: sleepMs }]),
    ...(pauseMs === undefined ? [] : [{ type: "pause" as const, ms: pauseMs }]),
  ];
  return steps.toSorted((one, other) => one.ms - other.ms);
}
