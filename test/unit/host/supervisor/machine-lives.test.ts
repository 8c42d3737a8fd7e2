/** What holds in every life of a VM that chance can make up. */
import { expect, test } from "bun:test";
import { step } from "../../../../src/host/supervisor/machine.ts";
import { type Effect, type Event, initial, type State } from "../../../../src/host/supervisor/states.ts";
import { broken, events, limits, words } from "../../../support/machine-words.ts";

/** Numbers from 0 to 1 that are the same in each run (mulberry32), so that a failing life can be lived again. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A world around the machine: what it has been asked to do decides what can happen next. */
class World {
  state: State = initial;
  readonly done = new Map<Effect["type"], number>();
  deadline = false;
  #qemu = false;
  #begun = false;
  #disks = false;
  #dialled = false;
  #linked = false;
  #asked = false;
  #saving = false;

  /** Everything that can happen now. */
  possible(): Event[] {
    const can: Event[] = [events["stop"], events["stop --force"], events["failure"]].filter(
      (event) => event !== undefined,
    );
    const add = (yes: boolean, ...names: string[]): void => {
      if (yes) can.push(...names.flatMap((name) => events[name] ?? []));
    };
    // The start goes on by itself until it is called off.
    const isCalledOff = this.done.has("kill-qemu") || this.done.has("finish");
    add(!this.#begun && !isCalledOff, "prepared", "adopted");
    add(this.#disks && !isCalledOff, "disks-ready");
    add(this.#qemu, "doorbell", "stalled", "qemu-exited", "qemu-crashed");
    add(this.#dialled && this.#qemu, "linked");
    add(this.#linked, "link-lost", "docker-down", "provisioning", "provisioned");
    add(this.#asked, "docker-answers");
    add(this.#qemu && this.#begun, "waits", "resumed", "panic", "reboot");
    add(this.deadline, "deadline");
    add(this.#qemu && this.#begun, "suspend", "suspend by itself", "pause");
    add(true, "wake");
    add(this.#saving && this.#qemu, "suspended", "suspend-failed");
    // A kill of a QEMU that does not run is answered at once.
    add(!this.#qemu && this.done.has("kill-qemu") && !isFinal(this.state), "qemu-exited");
    return can;
  }

  happen(event: Event): void {
    this.#note(event);
    const [next, ...effects] = step(this.state, event, limits);
    this.state = next;
    for (const effect of effects) this.#perform(effect);
  }

  #note({ type }: Event): void {
    if (type === "prepared" || type === "adopted") this.#begun = true;
    if (type === "prepared") this.#disks = true;
    if (type === "adopted") this.#qemu = true;
    if (type === "disks-ready") [this.#disks, this.#qemu] = [false, true];
    if (type === "linked") [this.#linked, this.#dialled] = [true, false];
    if (type === "link-lost") this.#linked = false;
    if (type === "suspended" || type === "suspend-failed") this.#saving = false;
    if (type === "suspended") [this.#qemu, this.#linked, this.#dialled, this.#asked] = [false, false, false, false];
    if (type === "deadline") this.deadline = false;
    if (type === "qemu-exited") [this.#qemu, this.#linked, this.#dialled, this.#asked] = [false, false, false, false];
  }

  #perform({ type }: Effect): void {
    this.done.set(type, this.times(type) + 1);
    if (type === "suspend") this.#saving = true;
    if (type === "wake") {
      this.#begun = false;
      // Each start has its own tries.
      for (const each of ["reset-guest", "start-qemu-again"] as const) this.done.delete(each);
    }
    if (type === "dial-gate") this.#dialled = true;
    if (type === "ping-docker") this.#asked = true;
    if (type === "start-qemu-again") this.#qemu = true;
    if (type === "set-deadline") this.deadline = true;
    if (type === "clear-deadline") this.deadline = false;
  }

  times(type: Effect["type"]): number {
    return this.done.get(type) ?? 0;
  }
}

function isFinal({ name }: State): boolean {
  return name === "stopped" || name === "failed";
}

/** Everything that is wrong with a world as it is now. */
function impossibilities(world: World): string[] {
  const { state } = world;
  const once = (["press-power-button", "kill-qemu", "finish"] as const).filter((type) => world.times(type) > 1);
  const waits =
    (state.name === "starting" && ["boot", "agent", "docker"].includes(state.phase)) ||
    (state.name === "stopping" && !state.forced);
  return [
    ...once.map((type) => `${type} twice`),
    ...(waits === world.deadline ? [] : [`a deadline is ${world.deadline ? "" : "not "}set`]),
    ...(isFinal(state) === (world.times("finish") === 1) ? [] : ["the end is not told"]),
    ...(state.name === "stopping" && state.forced !== world.done.has("kill-qemu") ? ["forced without a kill"] : []),
    ...(state.name === "stopping" && state.failure !== undefined && !state.forced ? ["a failure waits"] : []),
    ...(world.times("reset-guest") > 4 ? ["reset without end"] : []),
    ...(world.times("start-qemu-again") > 1 ? ["started without end"] : []),
  ];
}

test("in 5000 lives that chance makes up nothing impossible happens, and each can be ended", () => {
  const ends = new Set<string>();
  for (let seed = 1; seed <= 5000; seed += 1) {
    const random = chance(seed);
    const world = new World();
    const told: string[] = [];
    const happen = (event: Event): void => {
      world.happen(event);
      told.push(`${event.type} -> ${words(world.state)}`);
      const impossible = impossibilities(world);
      if (impossible.length > 0) throw new Error(`seed ${seed}: ${impossible.join("; ")}\n${told.join("\n")}`);
    };
    for (let index = 0; index < 30 && !isFinal(world.state); index += 1) {
      const can = world.possible();
      // Failures and stops are always possible; taken as often as all else, no life would get far.
      const calm = random() < 0.8 ? can.filter(({ type }) => !["stop", "failure", "qemu-exited"].includes(type)) : [];
      const choice = calm.length > 0 ? calm : can;
      const event = choice[Math.floor(random() * choice.length)];
      if (event !== undefined) happen(event);
    }
    if (!isFinal(world.state)) happen({ type: "stop", force: false });
    if (!isFinal(world.state)) happen({ type: "qemu-exited", error: broken });
    expect([seed, isFinal(world.state)]).toEqual([seed, true]);
    ends.add(words(world.state));
    const end = world.state;
    for (const event of Object.values(events)) expect(step(end, event, limits)).toEqual([end]);
  }
  // Chance came to every end that there is, so it has been everywhere.
  expect([...ends].toSorted()).toEqual([
    "failed BOOT_TIMEOUT",
    "failed DISK_FAILED",
    "failed DOCKER_UNREACHABLE",
    "failed QEMU_EXITED",
    "stopped",
    "stopped forced",
    "stopped suspended",
  ]);
});
