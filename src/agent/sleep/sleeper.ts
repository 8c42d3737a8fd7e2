/**
 * Lets go of the host's folders before the host saves the guest, and takes them again: QEMU cannot save a guest that
 * has a folder of the host mounted (hw/9pfs/9p.c, the migration blocker of an attached client).
 */
import { messageOf } from "../../base/errors.ts";
import type { Asleep } from "../../protocol/sleep.ts";
import { within } from "../../system/clock.ts";
import { type Container, nameIn } from "../../system/docker-views.ts";
import type { CallHooks } from "../docker/hooks.ts";
import { holding } from "./holders.ts";
import type { StoppedNote } from "./stopped-note.ts";

/** What the sleeper needs of the rest of the agent. */
export type SleeperOptions = {
  /** Where the host's folders are mounted now, mirrored entries included. */
  readonly targets: () => readonly string[];
  /** The running containers, the newest first; by then nothing of what no container mounts is held. */
  readonly containers: () => Promise<readonly Container[]>;
  /** The folders that the volumes of a container are made of. Throws when Docker does not answer. */
  readonly volumeFolders: (id: string) => Promise<readonly string[]>;
  /** Whether Docker removes a container when it stops. Throws when Docker does not answer. */
  readonly isRemovedWhenStopped: (id: string) => Promise<boolean>;
  readonly stop: (id: string) => Promise<void>;
  readonly start: (id: string) => Promise<void>;
  readonly note: StoppedNote;
  /** Takes all mounts of the host away. Throws AGENT_FAILED with who uses one. */
  readonly unmount: () => void;
  readonly mount: () => Promise<void>;
  /** Has everything written to the disks. */
  readonly sync: () => Promise<void>;
  /** What in the guest is in use, as a sentence. Throws when Docker does not answer. */
  readonly use: () => Promise<string | undefined>;
  readonly onTrouble: (text: string) => void;
};

/** Stopped containers take up to ten seconds each; the host waits somewhat longer. */
const stopMs = 120_000;

/** The sleep of one guest. */
export class Sleeper {
  readonly #options: SleeperOptions;
  /** Those that were stopped, in that order. */
  #stopped: readonly Container[] = [];
  /** Pending from the moment that the guest begins to let go until it has the host's folders again. */
  #awake: PromiseWithResolvers<void> | undefined;
  /** Whether it is just letting go. */
  #isLettingGo = false;
  /** How often a host has linked to it: whoever does wants it awake. */
  #links = 0;
  /** Pending while the guest takes the host's folders again; never rejects. */
  #waking: Promise<void> | undefined;
  /** Pending while what was stopped starts again; never rejects. */
  #started: Promise<void> = Promise.resolve();

  /** Called when the host has been told: what it has opened to the guest has no other end when it comes back. */
  onAsleep: () => void = () => {};

  constructor(options: SleeperOptions) {
    this.#options = options;
  }

  /** While the host's folders are away nobody makes or starts a container, whose mounts would be empty. */
  readonly hooks: CallHooks = {
    beforeRequest: async ({ kind }) => {
      if (kind === "create" || kind === "start" || kind === "volume" || kind === "swarm") await this.#awake?.promise;
    },
  };

  /**
   * Lets go; `answer` tells the host, before its connections end. A guest that cannot has everything again by then.
   * With `ifUnused` it does not while something is in use.
   */
  async sleep(ifUnused: boolean, answer: (asleep: Asleep) => void): Promise<void> {
    const links = this.#links;
    // A host may be quicker than the guest comes back.
    await this.#waking;
    // Docker asks this agent about each start, and would wait for it to be awake again.
    await this.#started;
    if (this.#awake !== undefined) return answer(refused("It is being suspended already."));
    this.#awake = Promise.withResolvers();
    this.#isLettingGo = true;
    const refusal = await this.#letGo(ifUnused).then(
      () => (this.#links === links ? undefined : "The host has linked to it anew."),
      messageOf,
    );
    this.#isLettingGo = false;
    if (refusal !== undefined) {
      await this.#takeAgain();
      return answer(refused(refusal));
    }
    answer({ type: "asleep", stopped: this.#stopped.map(nameOf) });
    this.onAsleep();
  }

  /** Takes the host's folders again, if they are away, and starts what was stopped, the last first. */
  async wake(): Promise<void> {
    this.#links += 1;
    await this.#takeAgain();
  }

  async #takeAgain(): Promise<void> {
    if (this.#awake !== undefined && !this.#isLettingGo) this.#waking ??= this.#wake(this.#awake);
    await this.#waking;
  }

  async #wake(awake: PromiseWithResolvers<void>): Promise<void> {
    this.#stopped = [];
    try {
      await this.#options.mount();
    } catch (error) {
      this.#options.onTrouble(messageOf(error));
    }
    awake.resolve();
    this.#awake = undefined;
    await this.startStopped();
    this.#waking = undefined;
  }

  /**
   * Starts what was stopped for a suspend, the last first. To be called when Docker answers, too: another agent may
   * have stopped them, or the guest have started anew since. Whoever does not start again is told of, and forgotten.
   */
  async startStopped(): Promise<void> {
    this.#started = this.#started.then(() => this.#startStopped());
    await this.#started;
  }

  async #startStopped(): Promise<void> {
    const { note, containers, start, onTrouble } = this.#options;
    if (this.#awake !== undefined) return;
    try {
      const ids = await note.read();
      // A Docker that does not answer yet calls this again when it does.
      if (ids.length > 0) await containers();
      for (const id of ids.toReversed()) {
        await start(id).catch((error: unknown) => {
          onTrouble(`The container ${nameIn([], id)} does not start again after a suspend: ${messageOf(error)}`);
        });
      }
      await note.write([]);
    } catch (error) {
      onTrouble(messageOf(error));
    }
  }

  async #letGo(ifUnused: boolean): Promise<void> {
    const { use, containers, targets, volumeFolders, isRemovedWhenStopped, stop, note, unmount, sync } = this.#options;
    const used = ifUnused ? await use() : undefined;
    if (used !== undefined) throw new Error(used);
    const held = await holding(await containers(), targets(), volumeFolders);
    // Nobody is stopped for nothing.
    for (const container of held) {
      if (container.Labels?.[swarmTask] !== undefined) throw inTheWay(container, "a swarm would start it again");
      if (await isRemovedWhenStopped(container.Id)) throw inTheWay(container, "it is removed when it stops (--rm)");
    }
    for (const container of held) {
      await note.write([...this.#stopped, container].map(({ Id }) => Id));
      await within(stop(container.Id), stopMs, () => new Error(`The container ${nameOf(container)} does not stop.`));
      this.#stopped = [...this.#stopped, container];
    }
    if (held.length > 0) await containers();
    unmount();
    await sync();
  }
}

// --- internal ---

/** The label of a container that a swarm has made (moby, daemon/cluster/executor/container/container.go). */
const swarmTask = "com.docker.swarm.task.id";

function inTheWay(container: Container, why: string): Error {
  return new Error(`The container ${nameOf(container)} mounts a folder of this machine, and ${why}.`);
}

function nameOf({ Names, Id }: Container): string {
  return nameIn(Names, Id);
}

function refused(refusal: string): Asleep {
  return { type: "asleep", stopped: [], refusal };
}
