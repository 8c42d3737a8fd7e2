/** The agent's side of "changes are seen": tells the host what containers mount, and raises its inotify events. */
import { basename } from "node:path";
import { newQueue } from "../../base/queue.ts";
import { innermostOf } from "../../base/words.ts";
import type { Boot, HostMessage } from "../../protocol/messages.ts";
import { after, within } from "../../system/clock.ts";
import type { Container } from "../../system/docker-views.ts";
import { Lister } from "../../base/lister.ts";
import type { FileState } from "../../system/kernel/fresh-state.ts";
import { ownPathOf } from "../files/shares.ts";
import { announceEnd, announceFile, announceFolder, announceGone } from "./announce.ts";
import { lookAgain } from "./look-again.ts";
import { EchoSuppression } from "./echo-suppression.ts";
import { type Pin, InodePins } from "./inode-pins.ts";
import { MountedFiles } from "./mounted-files.ts";
import { mountSourcesOf, someSources } from "./sources.ts";

/** What the host tells of the folders that it watches. */
type Changes = Extract<HostMessage, { type: "changes" }>;

/**
 * The way to the host: `report` sends the sources; `ask` does too, asks for all changes up to now, and gives the
 * answer's number.
 */
export type ChangesLink = {
  readonly report: (sources: readonly string[]) => void;
  readonly ask: (sources: readonly string[]) => number | undefined;
  readonly onTrouble: (text: string) => void;
};

/** How many names are looked up at a time: each takes the guest a way to the host and back. */
const heldAtOnce = 16;

/** How long a client of a container's port may be held up by what the host has changed just before. */
const pageMs = 250;

/** What is just being written in the guest is looked at again after this, until it is still or somebody else's. */
const stillMs = 200;

/** The barrier: a folder that is changed to hear of all that happened before (echo-suppression.ts). */
const markFolder = "/run/qn/changes";

/** Takes one thing after the other, in the order in which it was told. */
export class ChangeReceiver {
  readonly #shares: Boot["shares"];
  readonly #unwatched: ReadonlySet<string>;
  readonly #own = new EchoSuppression({ mark: markFolder, onFolder: (path) => void this.#onOwnFolder(path) });
  readonly #pins: InodePins;
  readonly #files = new MountedFiles();
  readonly #link: ChangesLink;
  /** What running containers mount, what those mount that are about to start, and both together. */
  #running: readonly string[] = [];
  readonly #starting = new Map<string, readonly string[]>();
  #sources: readonly string[] = [];
  readonly #inTurn = newQueue();
  /** What is there and not held yet. */
  readonly #toHold = new Set<string>();
  #holding: Promise<void> | undefined;
  readonly #waiting = new Map<number, () => void>();
  readonly #pages = new Lister<never>(
    async () => {
      await this.#ask();
      return [];
    },
    () => {},
  );

  /** The sources are reported whenever they are others than before. */
  constructor({ shares, unwatched = [] }: Pick<Boot, "shares" | "unwatched">, link: ChangesLink) {
    this.#link = link;
    this.#shares = shares;
    this.#unwatched = new Set(unwatched);
    this.#pins = new InodePins({
      ownPath: (path) => ownPathOf(path, shares),
      onHeld: (path, pin) => this.#own.watch(path, pin),
      onReleased: (path) => this.#own.forget(path),
      onEnd: async (path, ended) => {
        if (!this.#isBelieved(path)) return;
        // It may be the guest that has just taken the name.
        if (!this.#own.hasTakenName(path)) await this.#own.settled();
        if (!this.#own.hasTakenName(path)) await announceEnd(ended);
      },
    });
  }

  /**
   * The containers that run now. Resolves when nothing is held any more that they do not mount: what is held keeps its
   * kind for whoever looks it up, and the next container may come for what has its name by then.
   */
  async onContainers(containers: readonly Container[]): Promise<void> {
    const before = this.#running;
    this.#running = mountSourcesOf(containers);
    await this.#follow();
    // Those that Docker has started before anybody listened.
    await this.keepFiles(this.#running.filter((source) => !before.includes(source)));
  }

  /** A container that mounts these has started, whoever did that: files among them stay there what they are. */
  async keepFiles(sources: readonly string[]): Promise<void> {
    const believed = sources.filter((path) => this.#isBelieved(path));
    for (const path of believed) await this.#files.keep(path, ownPathOf(path, this.#shares));
  }

  /**
   * A container `id` is about to start. Resolves when what it mounts is held, so that a watch that it begins at once
   * hears of changes; after `deadlineMs` at the latest: a large folder is held while the container runs already.
   */
  async onStart(id: string, sources: readonly string[], deadlineMs: number): Promise<void> {
    this.#starting.set(id, sources);
    const held = async (): Promise<void> => {
      await this.#follow(true);
      await this.keepFiles(sources);
      await this.#holding;
    };
    await within(held(), deadlineMs, () => new Error("The folder is large.")).catch(() => {});
  }

  /** The start is over; the next list of containers says whether it runs. */
  onStarted(id: string): void {
    this.#starting.delete(id);
  }

  /** What the host has found or seen change. Resolves when it is taken. */
  async onChanges(changes: Changes): Promise<void> {
    const { there, answers } = changes;
    for (const path of there) this.#toHold.add(path);
    const taken = this.#inTurn(async () => {
      await this.#take(changes);
      for (const path of new Set([...changes.gone, ...changes.files, ...there]))
        if (this.#files.has(path)) await this.#files.note(path, ownPathOf(path, this.#shares));
    })
      .catch((error: unknown) => this.#link.onTrouble(`changes: ${String(error)}`))
      .finally(() => this.#onAnswer(answers ?? 0));
    this.#holding ??= this.#holdAll().finally(() => (this.#holding = undefined));
    await taken;
  }

  /**
   * Resolves when the guest shows all that the host has changed up to now, below what running containers mount; after
   * `deadlineMs` at the latest.
   */
  async catchUp(deadlineMs: number): Promise<void> {
    const caughtUp = within(this.#ask(), deadlineMs, lateChanges);
    await caughtUp.catch((error: unknown) => this.#link.onTrouble(String(error)));
  }

  /**
   * The same before a client of a container's port is served, which may ask for what was edited right before: not for
   * long, and one question to the host for all who come meanwhile.
   */
  async catchUpForPage(): Promise<void> {
    if (this.#sources.length === 0) return;
    await within(this.#pages.refresh(), pageMs, lateChanges).catch(() => {});
  }

  /** Resolves when the host's answer has been taken. */
  async #ask(): Promise<void> {
    const asked = this.#sources.length > 0 ? this.#link.ask(this.#sources) : undefined;
    if (asked === undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.set(asked, resolve);
    await promise;
  }

  #onAnswer(answer: number): void {
    for (const [asked, resolve] of this.#waiting) {
      if (asked > answer) continue;
      this.#waiting.delete(asked);
      resolve();
    }
  }

  async #take({ gone, folders, files }: Pick<Changes, "gone" | "folders" | "files">): Promise<void> {
    const told = [...gone, ...folders, ...files];
    const { namesTaken } = this.#own;
    await this.#lookAgain(told);
    for (const path of gone) {
      const file = this.#isBelieved(path) ? undefined : this.#pins.fileAt(path);
      if (file !== undefined) announceGone(file);
    }
    // The kernel would go on showing a name that is held and gone, or of another kind now.
    await Promise.all(gone.map((path) => this.#pins.end(path)));
    for (const [path, pin] of await this.#othersOf(folders, "folders")) {
      await announceFolder(pin, () => this.#pins.fileIn(path));
    }
    for (const [, pin] of await this.#othersOf(files, "files")) await announceFile(pin);
    this.#own.onTold(told, namesTaken);
  }

  /** Has the kernel see what is there; whoever had the names until now, and who took them, is known then. */
  async #lookAgain(paths: readonly string[]): Promise<void> {
    const believed = paths.filter((path) => this.#isBelieved(path));
    if (believed.length === 0) return;
    await Promise.all(believed.map((path) => lookAgain(ownPathOf(path, this.#shares))));
    await this.#own.settled();
  }

  /** What virtiofs serves, the kernel may have believed otherwise for a moment longer. */
  #isBelieved(path: string): boolean {
    return innermostOf(path, this.#shares)?.driver === "virtiofs";
  }

  /** Those that somebody else than the guest has made what they are; what is not known yet is taken again later. */
  async #othersOf(paths: readonly string[], kind: "folders" | "files"): Promise<[string, Pin][]> {
    const looks: { path: string; pin: Pin; state: FileState; changes: number }[] = [];
    for (const path of paths) {
      const changes = this.#own.changesOf(path);
      const pin = await this.#holdAs(path, kind === "files" ? "isFile" : "isDirectory");
      const state = pin && (await this.#own.lookAt(pin.path));
      if (pin !== undefined && state !== undefined) looks.push({ path, pin, state, changes });
    }
    if (looks.length > 0) await this.#own.settled();
    const judged = looks.map((each) => ({ ...each, verdict: this.#own.judge(each.path, each.state, each.changes) }));
    const changing = judged.filter(({ verdict }) => verdict === "changing").map(({ path }) => path);
    if (changing.length > 0) {
      const again = { gone: [], folders: [], files: [], [kind]: changing };
      after(stillMs, () => void this.#inTurn(() => this.#take(again)).catch(() => {}));
    }
    return judged.filter(({ verdict }) => verdict === "other").map(({ path, pin }) => [path, pin]);
  }

  /** The guest has made a folder: what it makes in it at once is its own too. */
  async #onOwnFolder(path: string): Promise<void> {
    if (this.#unwatched.has(basename(path))) return;
    const pin = await this.#inTurn(() => this.#pins.hold(path));
    if (pin?.stats.isDirectory() === true) await this.#own.noteAll(path);
  }

  /** Reports what is mounted, when it is something else than before, and holds nothing else; may ask for the answer. */
  async #follow(isAsking = false): Promise<void> {
    const sources = someSources([...this.#running, ...[...this.#starting.values()].flat()]);
    const isSame = sources.join("\n") === this.#sources.join("\n");
    this.#sources = sources;
    if (!isSame) await Promise.all([this.#pins.keepOnly(sources), this.#files.keepOnly(sources)]);
    if (isAsking) await this.#ask();
    else if (!isSame) this.#link.report(sources);
  }

  /** Holds what is there, some at a time, so that what has changed never waits for long. */
  async #holdAll(): Promise<void> {
    while (this.#toHold.size > 0) {
      const some = [...this.#toHold.values().take(heldAtOnce)];
      for (const path of some) this.#toHold.delete(path);
      const missing = some.filter((path) => !this.#pins.has(path));
      await this.#inTurn(() => Promise.all(missing.map((path) => this.#pins.hold(path))));
    }
  }

  async #holdAs(path: string, isKind: "isDirectory" | "isFile") {
    const pin = await this.#pins.hold(path);
    if (pin === undefined || pin.stats[isKind]()) return pin;
    await this.#pins.end(path);
    return await this.#pins.hold(path);
  }
}

// --- internal ---

function lateChanges(): Error {
  return new Error("The host's changes are late, and Docker goes on without them.");
}
