/** Watches folders recursively, one watch (inotify(7) on Linux) for each: says what is there and what changes. */
import { type BigIntStats, type FSWatcher, watch } from "node:fs";
import { lstat, opendir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { newPathTree } from "../../base/path-tree.ts";
import { liesIn } from "../../base/words.ts";
import { after, type Timer, turn } from "../../system/clock.ts";
import { isErrno } from "../../system/errno.ts";
import { holdFolder } from "../../system/held-folder.ts";

/** What a tree tells. A path is told by what it is now. */
export type TreeListener = {
  readonly onThere: (path: string) => void;
  readonly onGone: (path: string) => void;
  readonly onFolder: (path: string) => void;
  readonly onFile: (path: string) => void;
  /** Something is not watched; told once for each reason. */
  readonly onLimit: (reason: string) => void;
};

/** What is not watched. */
export type TreeLimits = {
  readonly exclude: readonly string[];
  readonly entriesMax: number;
  readonly hidden: string;
};

/**
 * A new file is told once it has been left alone for this long, or after `newMs.longest`. The guest may be the one that
 * writes it: who looks it up there while its content is still on the way finds, and keeps, a file of the wrong size.
 */
const newMs = { still: 200, longest: 2_000 };

/**
 * A watch on several roots. One watch for each folder, made before the folder is read, so that nothing falls between
 * the two. The kernel's events are only a nudge to look: a change of owner or mode alone, as the agent makes to wake
 * watchers in the guest, leaves a file's time and size as they were and is not told, and so nothing echoes.
 */
export class WatchTree {
  readonly #listener: TreeListener;
  readonly #limits: TreeLimits;
  /** The watch of each folder, and that of the folder that each root lies in. */
  readonly #watchers = newPathTree<FSWatcher>();
  readonly #rootWatchers = new Map<string, FSWatcher>();
  /** Where each root really is. */
  readonly #reals = new Map<string, string>();
  /** Each entry that is known, with what tells one state of it from another. */
  readonly #known = newPathTree<string>();
  readonly #told = new Set<string>();
  readonly #looks = new Set<Promise<void>>();
  /** New files that are still being written, with when they were first seen. */
  readonly #young = newPathTree<{ readonly sinceMs: number; timer: Timer }>();
  #isClosed = false;
  /** Whether an entry was left out for there being too many. */
  #isFull = false;
  /** Whether all is to be looked at anew. */
  #isLost = false;

  constructor(limits: TreeLimits, listener: TreeListener) {
    this.#limits = limits;
    this.#listener = listener;
  }

  /**
   * Watches `root` too: a folder with all below it, or one file. Nothing when it is not there. `real` is where it was
   * found to be; what has become a link since, there or below, is not entered.
   */
  async add(root: string, real: string = root): Promise<void> {
    this.#reals.set(root, real);
    const stats = await lstatIfThere(root);
    if (stats === undefined || !this.#learn(root, stats)) return;
    this.#listener.onThere(root);
    // What is deleted and made anew, or replaced by a rename, is found by its folder only.
    const name = basename(root);
    const watcher = this.#watch(dirname(root), (_event, changed) => {
      if (changed === name) this.#nudge(root);
    });
    if (watcher !== undefined) this.#rootWatchers.set(root, watcher);
    if (stats.isDirectory()) await this.#enter(root, "there");
  }

  /** Watches `root`, and what is below it, no more. */
  remove(root: string): void {
    this.#rootWatchers.get(root)?.close();
    this.#rootWatchers.delete(root);
    this.#reals.delete(root);
    this.#forget(root);
  }

  /** Resolves when all that events have come of has been looked at and told. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#looks);
  }

  /** Stops for good. */
  close(): void {
    this.#isClosed = true;
    for (const watcher of this.#rootWatchers.values()) watcher.close();
    this.#rootWatchers.clear();
    this.#forget("/");
  }

  /** Watches a folder and goes through what is in it; `as` is how the entries are told. */
  async #enter(folder: string, as: "there" | "new"): Promise<void> {
    if (this.#watchers.get(folder) !== undefined || liesIn(folder, this.#limits.hidden)) return;
    using held = holdFolder(this.#realOf(folder));
    if (held === undefined) return;
    const watcher = this.#watch(
      folder,
      (event, name) => {
        // The folder's own time or owner: its name comes, but nothing of that name need be in it.
        if (name !== null) this.#nudge(join(folder, name), event);
        else if (process.platform === "linux") this.#expect(this.#lookAtAll());
      },
      held.path,
    );
    if (watcher === undefined) return;
    this.#watchers.set(folder, watcher);
    const folders = await this.#goThrough(folder, held.path, as);
    held[Symbol.dispose]();
    for (const path of folders) await this.#enter(path, as);
  }

  #realOf(folder: string): string {
    const root = [...this.#reals].find(([path]) => liesIn(folder, path));
    return root === undefined ? folder : `${root[1]}${folder.slice(root[0].length)}`;
  }

  /** Tells what is in a folder; gives back the folders in it that count. It is read as far as more may count. */
  async #goThrough(folder: string, held: string, as: "there" | "new"): Promise<readonly string[]> {
    const folders: string[] = [];
    try {
      for await (const { name } of await opendir(held)) {
        if (this.#isClosed || this.#isFull) break;
        const path = join(folder, name);
        const stats = await lstatIfThere(join(held, name));
        if (stats === undefined || this.#known.get(path) === signatureOf(stats)) continue;
        if (as === "new" && this.#waitWhileYoung(path, stats)) continue;
        if (!this.#learn(path, stats)) continue;
        this.#listener.onThere(path);
        if (as === "new") this.#tell(path, stats);
        if (stats.isDirectory()) folders.push(path);
      }
    } catch {
      // Gone again, or not to be read.
    }
    return folders;
  }

  #watch(
    folder: string,
    onEvent: (event: string, name: string | null) => void,
    held: string = folder,
  ): FSWatcher | undefined {
    if (this.#isClosed) return undefined;
    try {
      const watcher = watch(held, onEvent);
      watcher.on("error", () => this.#forget(folder));
      return watcher;
    } catch (error) {
      // Gone again, not readable, or what inotify(7) says of its limits, which is the same for each folder.
      const isLimit = isErrno(error, "ENOSPC") || isErrno(error, "EMFILE");
      this.#limit(isLimit ? systemLimit : `${folder} is not watched for changes: ${String(error)}`);
      return undefined;
    }
  }

  #nudge(path: string, event?: string): void {
    this.#expect(this.#look(path, event));
  }

  #expect(looking: Promise<void>): void {
    const look = looking.finally(() => this.#looks.delete(look));
    this.#looks.add(look);
  }

  /**
   * More has happened than the system keeps for a program that is late, and it tells each watch that it has lost some
   * (inotify(7), IN_Q_OVERFLOW): what is known is looked at, and what is there is gone through, once for all of them.
   */
  async #lookAtAll(): Promise<void> {
    if (this.#isLost) return;
    this.#isLost = true;
    await turn();
    this.#isLost = false;
    for (const [path] of this.#known.entries()) await this.#look(path);
    for (const [folder] of this.#watchers.entries()) {
      using held = holdFolder(this.#realOf(folder));
      const folders = held === undefined ? [] : await this.#goThrough(folder, held.path, "new");
      for (const path of folders) await this.#enter(path, "new");
    }
  }

  /** Looks at what an event is about. */
  async #look(path: string, event = "rename"): Promise<void> {
    const stats = await lstatIfThere(path);
    if (this.#isClosed) return;
    const before = this.#known.get(path);
    if (stats === undefined) {
      this.#forget(path);
      if (before === undefined) return;
      this.#listener.onGone(path);
      return this.#listener.onFolder(dirname(path));
    }
    if (before === undefined && this.#waitWhileYoung(path, stats)) return;
    if (before === signatureOf(stats) && (event === "change" || !stats.isDirectory() || this.#watchers.get(path)))
      return;
    if (!this.#learn(path, stats)) return;
    const isOther = before !== undefined && isReplaced(before, signatureOf(stats));
    if (isOther) {
      this.#forget(path);
      this.#learn(path, stats);
      this.#listener.onGone(path);
    }
    this.#tell(path, stats);
    if (before === undefined || isOther) this.#listener.onFolder(dirname(path));
    if (stats.isDirectory()) await this.#enter(path, "new");
  }

  /**
   * Whether a new file is to be looked at again later. A rename counts as a change, so a file is young after it too.
   */
  #waitWhileYoung(path: string, stats: BigIntStats): boolean {
    const nowMs = Date.now();
    const known = this.#young.get(path);
    known?.timer.cancel();
    const sinceMs = known?.sinceMs ?? nowMs;
    // A clock that was set back must not make a file young for ever.
    const ageMs = Math.max(0, nowMs - Number(stats.ctimeMs));
    if (!stats.isFile() || ageMs >= newMs.still || nowMs - sinceMs >= newMs.longest) {
      this.#young.take(path);
      return false;
    }
    const timer = after(newMs.still - ageMs, () => this.#nudge(path));
    this.#young.set(path, { sinceMs, timer });
    return true;
  }

  #tell(path: string, stats: BigIntStats): void {
    if (stats.isDirectory()) this.#listener.onFolder(path);
    else this.#listener.onFile(path);
  }

  /** Whether an entry counts: files and folders that are not excluded, as many as there may be. */
  #learn(path: string, stats: BigIntStats): boolean {
    if (!stats.isDirectory() && !stats.isFile()) return false;
    const name = basename(path);
    if (this.#limits.exclude.includes(name)) {
      this.#limit(`changes below folders called "${name}" are not watched (changes.exclude)`);
      return false;
    }
    if (this.#known.get(path) === undefined && this.#known.size >= this.#limits.entriesMax) {
      this.#isFull = true;
      this.#limit(`not all changes are watched: ${this.#limits.entriesMax} entries are the most (changes.entriesMax)`);
      return false;
    }
    this.#known.set(path, signatureOf(stats));
    return true;
  }

  /** Forgets an entry, and all below it. */
  #forget(path: string): void {
    for (const [, { timer }] of this.#young.take(path)) timer.cancel();
    if (this.#known.take(path).length > 0) this.#isFull = false;
    for (const [, watcher] of this.#watchers.take(path)) watcher.close();
  }

  #limit(reason: string): void {
    if (this.#told.has(reason)) return;
    this.#told.add(reason);
    this.#listener.onLimit(reason);
  }
}

// --- internal ---

const systemLimit =
  "not all changes are watched: this system lets a user have no more watches (fs.inotify.max_user_watches)";

/**
 * Of a folder only which one it is: its time changes with each entry, and entries tell themselves. Its number alone
 * may be that of one that was removed; where the file system keeps no time of birth that is 0.
 */
function signatureOf(stats: BigIntStats): string {
  const { ino, birthtimeNs, size, mtimeNs } = stats;
  return stats.isDirectory() ? `folder ${ino} ${birthtimeNs}` : `file ${ino} ${size} ${mtimeNs}`;
}

/** Whether another entry has the name: of files only one of another kind, and a folder that is not the same one. */
function isReplaced(before: string, now: string): boolean {
  return before !== now && (before.startsWith("folder") || now.startsWith("folder"));
}

async function lstatIfThere(path: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(path, { bigint: true });
  } catch {
    return undefined;
  }
}
