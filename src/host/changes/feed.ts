/** Tells the guest what changes on the host below what running containers mount. */
import { realpath } from "node:fs/promises";
import { liesIn } from "../../base/words.ts";
import type { HostMessage } from "../../protocol/messages.ts";
import { after } from "../../system/clock.ts";
import { type Bounds, type ChangeSet, messagesOf, noChanges, watchRoots } from "./plan.ts";
import { type TreeLimits, WatchTree } from "./watch-tree.ts";

/** What may be watched, and what of it is not. */
export type WatchPlace = Bounds & TreeLimits;

/** How long changes are gathered: long enough for an editor's several steps, short enough that nobody waits. */
const gatherMs = 50;

/** The changes of one VM's mounts. */
export class ChangeFeed {
  readonly #place: WatchPlace;
  readonly #log: (text: string) => void;
  #tree: WatchTree | undefined;

  constructor(place: WatchPlace, log: (text: string) => void) {
    this.#place = place;
    this.#log = log;
  }

  /** Watches what lies at `sources`, instead of what it watched before, and tells `send` of it. */
  async follow(sources: readonly string[], send: (message: HostMessage) => void): Promise<void> {
    this.close();
    if (this.#place.entriesMax === 0) return;
    const batch = new Batch(send);
    const tree = new WatchTree(this.#place, {
      onThere: (path) => batch.add("there", path),
      onGone: (path) => batch.add("gone", path),
      onFolder: (path) => batch.add("folders", path),
      onFile: (path) => batch.add("files", path),
      onLimit: this.#log,
    });
    this.#tree = tree;
    const real = await realShares(this.#place.shared);
    for (const root of watchRoots(sources, this.#place)) if (await isShared(root, real)) await tree.add(root);
  }

  /** Watches nothing any more. */
  close(): void {
    this.#tree?.close();
    this.#tree = undefined;
  }
}

// --- internal ---

/** Gathers what comes in quick succession. */
class Batch {
  readonly #send: (message: HostMessage) => void;
  #changes: ChangeSet = noChanges();
  #isWaiting = false;

  constructor(send: (message: HostMessage) => void) {
    this.#send = send;
  }

  add(kind: keyof ChangeSet, path: string): void {
    this.#changes[kind].add(path);
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    after(gatherMs, () => {
      const messages = messagesOf(this.#changes);
      this.#changes = noChanges();
      this.#isWaiting = false;
      for (const message of messages) this.#send(message);
    });
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
