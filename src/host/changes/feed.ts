/** Tells the guest what changes on the host below what running containers mount. */
import { realpath } from "node:fs/promises";
import { newQueue } from "../../base/queue.ts";
import { liesIn } from "../../base/words.ts";
import { Batch, type Send } from "./batch.ts";
import { type Bounds, watchRoots } from "./watch-plan.ts";
import { Mark } from "./barrier.ts";
import { type TreeLimits, WatchTree } from "./watch-tree.ts";

/** What may be watched, what of it is not, and a file of our own (barrier.ts). */
export type WatchPlace = Bounds & TreeLimits & { readonly mark: string };

/**
 * Names that have come and gone may wait to be told beside twice what is watched: what was there, and what of it has
 * gone.
 */
const shortLivedMax = 1_000;

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

  /** Whether exactly these are watched, or just being looked through. */
  isFollowing(sources: readonly string[]): boolean {
    return sources.join("\n") === this.#sources;
  }

  /** Watches what lies at `sources`, no more and no less, and tells `send` of it. Resolves when all is watched. */
  async follow(sources: readonly string[], send: Send): Promise<void> {
    if (this.#place.entriesMax === 0) return;
    this.#sources = sources.join("\n");
    this.#watch ??= new Watch(this.#place, this.#log);
    await this.#watch.follow(sources, send);
  }

  /**
   * Tells at once of all that has changed up to now; resolves when it is told. Follows other sources than before first.
   */
  async catchUp(sources: readonly string[], send: Send): Promise<void> {
    if (!this.isFollowing(sources)) await this.follow(sources, send);
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
  readonly #batch: Batch;
  readonly #tree: WatchTree;
  readonly #mark: Mark;
  #roots: readonly string[] = [];
  readonly #inTurn = newQueue();

  constructor(place: WatchPlace, log: (text: string) => void) {
    this.#place = place;
    this.#batch = new Batch(2 * place.entriesMax + shortLivedMax);
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
  follow(sources: readonly string[], send: Send): Promise<void> {
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
    await this.#batch.flush();
  }

  close(): void {
    this.#mark.close();
    this.#tree.close();
    this.#batch.send = () => {};
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
