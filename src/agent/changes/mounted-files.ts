/** Files that containers mount by themselves, in shares of virtiofs: they stay there what they were at the start. */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { newQueue } from "../../base/queue.ts";
import { O_PATH } from "../../system/kernel/libc.ts";

/**
 * So many files that the host has put one after the other at one path are kept: those that a container may have
 * mounted, and those that one may come to mount. The oldest go first.
 */
const mountedMax = 16;
const comingMax = 4;

type Kept = { readonly handle: FileHandle; readonly inode: number; isMounted: boolean };

/**
 * Keeps such files open. A mount of a file is one of its inode, of which the server on the host knows the name alone:
 * when the host puts another file there, who reads through the mount would be told that the file is stale. One that is
 * open stays what it is.
 */
export class MountedFiles {
  readonly #kept = new Map<string, Kept[]>();
  readonly #inTurn = newQueue();

  /** Whether any file is kept for `path`. */
  has(path: string): boolean {
    return this.#kept.has(path);
  }

  /**
   * A container starts, or has started, that mounts `path`: opens what is there now, if it is a file and may be read.
   * `own` is where the agent finds it. What was there a moment ago is kept too, since dockerd starts by itself and
   * says so late.
   */
  keep(path: string, own: string): Promise<void> {
    return this.#inTurn(() => this.#open(path, own, true));
  }

  /** The host has put something at `path`, where a file is kept: a container may come to mount what is there now. */
  note(path: string, own: string): Promise<void> {
    return this.#inTurn(() => (this.has(path) ? this.#open(path, own, false) : Promise.resolve()));
  }

  /** Lets go of what was at other paths than these: no container mounts it. */
  keepOnly(paths: readonly string[]): Promise<void> {
    return this.#inTurn(async () => {
      for (const [path, kept] of this.#kept) {
        if (paths.includes(path)) continue;
        this.#kept.delete(path);
        await closeAll(kept);
      }
    });
  }

  async #open(path: string, own: string, isMounted: boolean): Promise<void> {
    const kept = this.#kept.get(path) ?? [];
    for (const each of kept) each.isMounted ||= isMounted;
    try {
      await using found = await open(own, O_PATH | constants.O_NOFOLLOW);
      const stats = await found.stat();
      if (stats.isFile() && kept.every(({ inode }) => inode !== stats.ino)) {
        const handle = await open(`/proc/self/fd/${found.fd}`, constants.O_RDONLY);
        this.#kept.set(path, kept);
        kept.push({ handle, inode: stats.ino, isMounted });
      }
    } catch {
      // Nothing is there, or nobody may read it.
    }
    const over = [
      ...kept.filter(({ isMounted }) => isMounted).slice(0, -mountedMax),
      ...kept.filter(({ isMounted }) => !isMounted).slice(0, -comingMax),
    ];
    for (const each of over) kept.splice(kept.indexOf(each), 1);
    await closeAll(over);
  }
}

// --- internal ---

async function closeAll(kept: readonly Kept[]): Promise<void> {
  await Promise.all(kept.map(({ handle }) => handle.close()));
}
