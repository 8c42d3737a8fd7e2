/** Tells the guest what changes on the host below what running containers mount. */
import { realpath } from "node:fs/promises";
import { newQueue } from "../../base/queue.ts";
import { liesIn } from "../../base/words.ts";
import { Batch, type Send } from "./batch.ts";
import { type Bounds, watchRoots } from "./watch-plan.ts";
import { Barrier } from "./barrier.ts";
import { type TreeLimits, WatchTree } from "./watch-tree.ts";

/** What may be watched, what of it is not, and `mark`, the folder of the barrier. */
export type WatchOptions = Bounds & TreeLimits & { readonly mark: string };

/**
 * Names that have come and gone may wait to be told beside twice what is watched: what was there, and what of it has
 * gone.
 */
const shortLivedMax = 1_000;

/** The changes of one VM's mounts. */
export class ChangeFeed {
  readonly #options: WatchOptions;
  readonly #log: (text: string) => void;
  #watch: Watch | undefined;
  #sources = "";

  constructor(options: WatchOptions, log: (text: string) => void) {
    this.#options = options;
    this.#log = log;
  }

  /** Whether exactly these are watched, or just being looked through. */
  isFollowing(sources: readonly string[]): boolean {
    return sources.join("\n") === this.#sources;
  }

  /** Watches what lies at `sources`, no more and no less, and tells `send` of it. Resolves when all is watched. */
  async follow(sources: readonly string[], send: Send): Promise<void> {
    if (this.#options.entriesMax === 0) return;
    this.#sources = sources.join("\n");
    this.#watch ??= new Watch(this.#options, this.#log);
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
  readonly #options: WatchOptions;
  readonly #batch: Batch;
  readonly #tree: WatchTree;
  readonly #barrier: Barrier;
  #roots: readonly string[] = [];
  readonly #inTurn = newQueue();

  constructor(options: WatchOptions, log: (text: string) => void) {
    this.#options = options;
    this.#batch = new Batch(2 * options.entriesMax + shortLivedMax);
    this.#barrier = new Barrier(options.mark);
    this.#tree = new WatchTree(options, {
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
    return this.#inTurn(() => this.#take(watchRoots(sources, this.#options)));
  }

  async #take(roots: readonly string[]): Promise<void> {
    for (const root of this.#roots) if (!roots.includes(root)) this.#tree.remove(root);
    const added = roots.filter((root) => !this.#roots.includes(root));
    this.#roots = roots;
    const real = await realShares(this.#options.shared);
    for (const root of added) {
      const at = await sharedAt(root, real);
      if (at !== undefined) await this.#tree.add(root, at);
    }
  }

  async catchUp(): Promise<void> {
    if (this.#roots.length === 0) return;
    await this.#barrier.passed();
    await this.#tree.settled();
    await this.#batch.flush();
  }

  close(): void {
    this.#barrier.close();
    this.#tree.close();
    this.#batch.send = () => {};
  }
}

/** Each share with where it really is: on macOS, /tmp is a link. */
async function realShares(shared: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const found = await Promise.allSettled(shared.map(async (path) => [path, await realpath(path)] as const));
  return new Map(found.flatMap((each) => (each.status === "fulfilled" ? [each.value] : [])));
}

/** Where it is; nothing for what a link below the share leads away, to what the guest does not see, or is not there. */
async function sharedAt(path: string, shares: ReadonlyMap<string, string>): Promise<string | undefined> {
  const at = await realpath(path).catch(() => undefined);
  const isShared = [...shares].some(
    ([share, real]) => liesIn(path, share) && at === `${real}${path.slice(share.length)}`,
  );
  return isShared ? at : undefined;
}
