/** Tells the guest what changes on the host below what running containers mount. */
import { realpath } from "node:fs/promises";
import { newQueue } from "../../base/queue.ts";
import { liesIn } from "../../base/words.ts";
import type { HostMessage } from "../../protocol/messages.ts";
import { after, type Timer } from "../../system/clock.ts";
import { type Bounds, type ChangeSet, messagesOf, noChanges, watchRoots } from "./plan.ts";
import { Mark } from "./mark.ts";
import { type TreeLimits, WatchTree } from "./watch-tree.ts";

/** What may be watched, what of it is not, and a file of our own (mark.ts). */
export type WatchPlace = Bounds & TreeLimits & { readonly mark: string };

/** How long changes are gathered: long enough for an editor's several steps, short enough that nobody waits. */
const gatherMs = 50;

/** The changes of one VM's mounts. */
export class ChangeFeed {
  readonly #place: WatchPlace;
  readonly #log: (text: string) => void;
  #watch: Watch | undefined;
  #sources = "";

  constructor(place: WatchPlace, log: (text: string) => void) {
    this.#place = place;
    this.#log = log;
  }

  /** Watches what lies at `sources`, no more and no less, and tells `send` of it. Resolves when all is watched. */
  async follow(sources: readonly string[], send: (message: HostMessage) => void): Promise<void> {
    if (this.#place.entriesMax === 0) return;
    this.#sources = sources.join("\n");
    this.#watch ??= new Watch(this.#place, this.#log);
    await this.#watch.follow(sources, send);
  }

  /** Tells at once of all that has changed up to now; resolves when it is told. Follows other sources than before first. */
  async catchUp(sources: readonly string[], send: (message: HostMessage) => void): Promise<void> {
    if (sources.join("\n") !== this.#sources) await this.follow(sources, send);
    await this.#watch?.catchUp();
  }

  /** Watches nothing any more; whoever follows next is told anew of all that is there. */
  close(): void {
    this.#watch?.close();
    this.#watch = undefined;
    this.#sources = "";
  }
}

// --- internal ---

/** One life of the watch: from the first sources that an agent names to the end of the link to it. */
class Watch {
  readonly #place: WatchPlace;
  readonly #batch = new Batch();
  readonly #tree: WatchTree;
  readonly #mark: Mark;
  #roots: readonly string[] = [];
  readonly #inTurn = newQueue();

  constructor(place: WatchPlace, log: (text: string) => void) {
    this.#place = place;
    this.#mark = new Mark(place.mark);
    this.#tree = new WatchTree(place, {
      onThere: (path) => this.#batch.add("there", path),
      onGone: (path) => this.#batch.add("gone", path),
      onFolder: (path) => this.#batch.add("folders", path),
      onFile: (path) => this.#batch.add("files", path),
      onLimit: log,
    });
  }

  /** What goes on being mounted goes on being watched, so that nothing is missed when a container comes or goes. */
  follow(sources: readonly string[], send: (message: HostMessage) => void): Promise<void> {
    this.#batch.send = send;
    return this.#inTurn(() => this.#take(watchRoots(sources, this.#place)));
  }

  async #take(roots: readonly string[]): Promise<void> {
    for (const root of this.#roots) if (!roots.includes(root)) this.#tree.remove(root);
    const added = roots.filter((root) => !this.#roots.includes(root));
    this.#roots = roots;
    const real = await realShares(this.#place.shared);
    for (const root of added) if (await isShared(root, real)) await this.#tree.add(root);
  }

  async catchUp(): Promise<void> {
    if (this.#roots.length === 0) return;
    await this.#mark.passed();
    await this.#tree.settled();
    this.#batch.flush();
  }

  close(): void {
    this.#mark.close();
    this.#tree.close();
    this.#batch.send = () => {};
  }
}

/** Gathers what comes in quick succession. */
class Batch {
  send: (message: HostMessage) => void = () => {};
  #changes: ChangeSet = noChanges();
  #waiting: Timer | undefined;

  add(kind: keyof ChangeSet, path: string): void {
    this.#changes[kind].add(path);
    this.#waiting ??= after(gatherMs, () => this.flush());
  }

  /** Sends what there is, without waiting for more. */
  flush(): void {
    this.#waiting?.cancel();
    this.#waiting = undefined;
    const messages = messagesOf(this.#changes);
    this.#changes = noChanges();
    for (const message of messages) this.send(message);
  }
}

/** Each share with where it really is: on macOS, /tmp is a link. */
async function realShares(shared: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const found = await Promise.allSettled(shared.map(async (path) => [path, await realpath(path)] as const));
  return new Map(found.flatMap((each) => (each.status === "fulfilled" ? [each.value] : [])));
}

/** False for what a link below the share leads away, to what the guest does not see, and for what is not there. */
async function isShared(path: string, shares: ReadonlyMap<string, string>): Promise<boolean> {
  const real = await realpath(path).catch(() => undefined);
  return [...shares].some(([share, place]) => liesIn(path, share) && real === `${place}${path.slice(share.length)}`);
}
