/** A barrier in a stream of inotify events: passed once the system has told of all that has happened so far. */
import { type FSWatcher, watch } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { newQueue } from "../../base/queue.ts";
import { within } from "../../system/clock.ts";

/** How long the system may take to tell of one change. */
const deadlineMs = 1_000;

/**
 * A folder of our own that is watched and changed. The kernel keeps events in the order in which they were made
 * (inotify(7)), but the runtime reads many at once and hands them on watch by watch: our own may come before an earlier
 * one of the same reading. So it is changed twice: when the second is told, which was made after the first reading, all
 * of the first has been handed on.
 */
export class Barrier {
  readonly #folder: string;
  readonly #inTurn = newQueue();
  #watcher: FSWatcher | undefined;
  #count = 0;
  #onChange: (name: string | null) => void = () => {};

  /** Nothing is made or watched before it is used. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Resolves when changes that were made before this call have been told. Waits no longer than a second. */
  async passed(): Promise<void> {
    await this.#inTurn(async () => {
      try {
        await this.#pass();
      } catch {
        // A disk that is full, or a system that is late: the changes come without being waited for.
        this.close();
      }
    });
  }

  /** Watches it no more. */
  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  async #pass(): Promise<void> {
    this.#watcher ??= await this.#begin();
    await this.#change();
    await this.#change();
  }

  /** Changes the folder and waits to be told. Another name each time: the runtime leaves out what it has just told. */
  async #change(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const name = `${(this.#count += 1)}`;
    this.#onChange = (changed) => {
      if (changed === name) resolve();
    };
    const path = join(this.#folder, name);
    await mkdir(path);
    try {
      await within(promise, deadlineMs, () => new Error("The system does not tell of changes."));
    } finally {
      await rm(path, { recursive: true });
    }
  }

  async #begin(): Promise<FSWatcher> {
    await rm(this.#folder, { recursive: true, force: true });
    await mkdir(this.#folder, { mode: 0o700 });
    const watcher = watch(this.#folder, (_event, name) => this.#onChange(name));
    watcher.on("error", () => this.close());
    return watcher;
  }
}
