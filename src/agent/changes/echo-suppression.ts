/** Echo suppression: tells the changes that the guest itself has made, and has events for, from those of the host. */
import { lstat, mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { Lister } from "../../base/lister.ts";
import { newQueue } from "../../base/queue.ts";
import { after, type Timer, within } from "../../system/clock.ts";
import { type FileEvent, type FileEvents, openFileEvents } from "../../system/kernel/fanotify.ts";
import { type FileState, FreshStates } from "../../system/kernel/fresh-state.ts";
import type { Pin } from "./inode-pins.ts";
import { namesMade } from "./look-again.ts";

/**
 * Whose state of an entry it is that the host tells: the guest's, somebody else's, or one of an entry that is just
 * being written.
 */
type Verdict = "own" | "other" | "changing";

/** What the entries are looked at for, and by whom new folders are held. */
export type EchoOptions = {
  /** A folder of our own, the barrier: it is changed to learn that all events of before have come. */
  readonly mark: string;
  /** A program of the guest has made a folder, or brought one here. */
  readonly onFolder: (path: string) => void;
};

/** Between two looks at what a program writes all the time. */
const lookAgainMs = 20;

/** A look that comes later after the event says nothing of who has made a state that is newer than the event. */
const lookLateMs = 250;

/** The guest's clock may be so far from the host's (agent/setup/clock.ts). */
const clocksApartMs = 150;

/** How long events may take to come. */
const eventsMs = 1_000;

/** States that are remembered: what the host tells, it tells within a moment. */
const statesMax = 20_000;

/**
 * The echo is a change of the guest's own that comes back from the host's watch, and must not be raised again.
 * Remembers the state (time and size) in which the guest leaves each entry that it changes, as the kernel tells
 * (fanotify(7)). What the host then tells is the guest's own doing when it finds the entry in just that state. A change
 * by the host in the moment between the guest's own and the look at it is taken for the guest's; nothing else is. The
 * host gives files their times, and the guest's clock follows its clock: a guest that is late tells by them what came
 * after the event.
 */
export class EchoSuppression {
  readonly #options: EchoOptions;
  /** Opened with the first folder. */
  #opening: Promise<void> | undefined;
  /** What tells of each file system that is watched, by its device. */
  readonly #events = new Map<number, FileEvents>();
  /** What is watched, by its device and the kernel's key; nothing for a key that two paths have. */
  readonly #paths = new Map<string, string | undefined>();
  readonly #keys = new Map<string, string>();
  readonly #states = new Map<string, string>();
  readonly #changes = new Map<string, number>();
  /** Names that the guest has given to something else or taken away, until the host tells of them; and when. */
  readonly #names = new Map<string, number>();
  #namesTaken = 0;
  /** What has changed and has not been looked at yet, with when that was told, by the clock of files. */
  readonly #noted = new Map<string, number>();
  #nextLook: Timer | undefined;
  readonly #inTurn = newQueue();
  #fresh: FreshStates | undefined;
  readonly #settling = new Lister<never>(
    async () => {
      await this.#settle();
      return [];
    },
    () => {},
  );
  #passes = 0;
  readonly #passing = new Map<string, () => void>();

  constructor(options: EchoOptions) {
    this.#options = options;
  }

  /** Hears from now on what becomes of a folder and of what lies right in it, or of one file, that is held. */
  async watch(path: string, pin: Pin): Promise<void> {
    await (this.#opening ??= this.#open());
    this.forget(path);
    const key = this.#mark(pin.path, pin.stats.dev);
    if (key === undefined) return;
    this.#paths.set(key, this.#paths.has(key) ? undefined : path);
    this.#keys.set(path, key);
  }

  /** It is not held any more. */
  forget(path: string): void {
    const key = this.#keys.get(path);
    if (key === undefined) return;
    this.#keys.delete(path);
    this.#paths.delete(key);
  }

  /** Takes a folder and what is in it for the guest's own: it was made a moment ago, before it was watched. */
  async noteAll(folder: string): Promise<void> {
    this.#note(folder);
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
      const path = join(folder, entry.name);
      this.#note(path);
      if (entry.isDirectory()) this.#options.onFolder(path);
    }
  }

  /** How often the guest is known to have changed an entry; to be asked before the entry is looked at. */
  changesOf(path: string): number {
    return this.#changes.get(path) ?? 0;
  }

  /**
   * The state of what is at `path`, links followed, as the host has it. What the kernel remembers may be an answer that
   * is older than what a program has changed in a folder since, and was taken after it. What the guest is just doing to
   * names in a folder is in its state before the kernel tells of it: `settled` hears of that after this.
   */
  async lookAt(path: string): Promise<FileState | undefined> {
    const state = await (this.#fresh === undefined ? stateAt(path, stat) : this.#fresh.of(path, true));
    if (state?.isFolder === true) await namesMade(path);
    return state;
  }

  /** Resolves when all that the guest has done before has been heard and looked at. */
  async settled(): Promise<void> {
    if (this.#events.size > 0) await this.#settling.refresh();
  }

  /**
   * Whose doing it is that an entry is in a state: after `settled`, with what `changesOf` said before the entry was
   * looked at. Others' is so only once: the next state may be anybody's.
   */
  judge(path: string, state: FileState, changesBefore: number): Verdict {
    if (this.#states.get(path) === wordOf(state)) return "own";
    if (this.changesOf(path) !== changesBefore) return "changing";
    this.#drop(path);
    return "other";
  }

  /** Whether it is the guest that has given a name to something else, or taken it away; after `settled`. */
  hasTakenName(path: string): boolean {
    return this.#names.has(path);
  }

  /** To be given to `onTold` at the end of what the host tells just now. */
  get namesTaken(): number {
    return this.#namesTaken;
  }

  /**
   * The host has told of these names, and what is held was looked at after `namesTaken` was asked for: what it tells
   * next has happened later, but for what the guest has done meanwhile.
   */
  onTold(paths: readonly string[], namesTaken: number): void {
    for (const path of paths) if ((this.#names.get(path) ?? 0) <= namesTaken) this.#names.delete(path);
  }

  /** Hears nothing any more. */
  close(): void {
    this.#nextLook?.cancel();
    for (const events of this.#events.values()) events.close();
    this.#events.clear();
    this.#fresh?.close();
    this.#fresh = undefined;
  }

  async #open(): Promise<void> {
    const { mark } = this.#options;
    try {
      this.#fresh = new FreshStates();
    } catch {
      // Without it, what the kernel remembers has to do.
    }
    try {
      await rm(mark, { recursive: true, force: true });
      await mkdir(mark, { recursive: true, mode: 0o700 });
      const key = this.#mark(mark, (await stat(mark)).dev);
      if (key !== undefined) this.#paths.set(key, mark);
    } catch {
      // Without it, what the guest does is told again by the host.
    }
  }

  /** Has the kernel tell of what is at `path`, on the file system of `device`. Gives the key of `#paths`. */
  #mark(path: string, device: number): string | undefined {
    const events =
      this.#events.get(device) ?? openFileEvents((all) => all.forEach((event) => this.#hear(device, event)));
    if (events === undefined) return undefined;
    this.#events.set(device, events);
    const key = events.mark(path);
    return key === undefined ? undefined : keyOn(device, key);
  }

  #hear(device: number, event: FileEvent): void {
    const { name, isOfNames, isFolder, isGone, isOwn, isOverflow } = event;
    if (isOverflow) this.#states.clear();
    const above = this.#paths.get(keyOn(device, event.folder));
    if (isOwn) {
      if (above === this.#options.mark) this.#passing.get(name)?.();
      return;
    }
    const path = above === undefined ? this.#paths.get(keyOn(device, event.entry)) : join(above, name);
    if (path === undefined) return;
    if (isGone) this.#drop(path);
    else this.#note(path);
    if (above === undefined || !isOfNames) return;
    this.#names.delete(path);
    this.#names.set(path, (this.#namesTaken += 1));
    const [oldest = ""] = this.#names.keys();
    if (this.#names.size > statesMax) this.#names.delete(oldest);
    this.#note(above);
    if (isFolder && !isGone) this.#options.onFolder(path);
  }

  #note(path: string): void {
    this.#noted.set(path, Date.now());
    this.#changes.set(path, (this.#changes.get(path) ?? 0) + 1);
    this.#nextLook ??= after(0, () => void this.#look());
  }

  async #settle(): Promise<void> {
    await this.#pass();
    await Promise.all(this.#events.values().map((events) => events.drained()));
    await this.#look();
  }

  /** Looks at what has changed; at what changes again, after a moment. */
  async #look(): Promise<void> {
    this.#nextLook?.cancel();
    this.#nextLook = after(lookAgainMs, () => {
      this.#nextLook = undefined;
      if (this.#noted.size > 0) void this.#look();
    });
    const noted = [...this.#noted];
    this.#noted.clear();
    await this.#inTurn(() => Promise.all(noted.map(([path, notedMs]) => this.#remember(path, notedMs))));
  }

  async #remember(path: string, notedMs: number): Promise<void> {
    const state = await (this.#fresh === undefined ? stateAt(path, lstat) : this.#fresh.of(path));
    // The newest last, so that the oldest go first.
    this.#states.delete(path);
    if (state === undefined) return this.#drop(path);
    const isOfThen = Number(state.modifiedNs) / 1e6 <= notedMs + clocksApartMs || Date.now() - notedMs <= lookLateMs;
    if (isOfThen) this.#states.set(path, wordOf(state));
    const [oldest = ""] = this.#states.keys();
    if (this.#states.size > statesMax) this.#drop(oldest);
  }

  #drop(path: string): void {
    this.#states.delete(path);
    this.#changes.delete(path);
  }

  /** Resolves when all events of before have come. */
  async #pass(): Promise<void> {
    const name = `${(this.#passes += 1)}`;
    const path = join(this.#options.mark, name);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#passing.set(name, resolve);
    try {
      await mkdir(path);
      await within(promise, eventsMs, () => new Error("The kernel does not tell of changes."));
    } catch {
      // Without it, the worst is that an event comes twice.
    } finally {
      this.#passing.delete(name);
      await rm(path, { recursive: true, force: true });
    }
  }
}

// --- internal ---

function keyOn(device: number, key: string): string {
  return `${device} ${key}`;
}

/** What tells one state of an entry from another; the size of a folder is nobody's business. */
function wordOf({ inode, modifiedNs, isFolder, size }: FileState): string {
  return [inode, modifiedNs, ...(isFolder ? [] : [size])].join(" ");
}

async function stateAt(path: string, look: typeof stat): Promise<FileState | undefined> {
  const stats = await look(path, { bigint: true }).catch(() => undefined);
  if (stats === undefined) return undefined;
  const { ino, size, mtimeNs } = stats;
  return { inode: ino, size, modifiedNs: mtimeNs, isFolder: stats.isDirectory() };
}
