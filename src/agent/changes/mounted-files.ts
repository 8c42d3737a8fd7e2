/** Files that containers mount by themselves, in shares of virtiofs: they stay there what they were at the start. */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { O_PATH } from "../../system/kernel/libc.ts";

/** So many files that the host has put one after the other at one path are kept; the oldest go first. */
const keptMax = 16;

type Kept = { readonly handle: FileHandle; readonly inode: number };

/**
 * Keeps such files open. A mount of a file is one of its inode, of which the server on the host knows the name alone:
 * when the host puts another file there, who reads through the mount would be told that the file is stale. One that is
 * open stays what it is.
 */
export class MountedFiles {
  readonly #kept = new Map<string, readonly Kept[]>();

  /** Opens what is at `path` now, if it is a file and may be read; `own` is where the agent finds it. */
  async keep(path: string, own: string): Promise<void> {
    try {
      await using found = await open(own, O_PATH | constants.O_NOFOLLOW);
      const stats = await found.stat();
      const before = this.#kept.get(path) ?? [];
      if (!stats.isFile() || before.some(({ inode }) => inode === stats.ino)) return;
      const handle = await open(`/proc/self/fd/${found.fd}`, constants.O_RDONLY);
      const kept = [...before, { handle, inode: stats.ino }];
      this.#kept.set(path, kept.slice(-keptMax));
      await closeAll(kept.slice(0, -keptMax));
    } catch {
      // Nothing is there, or nobody may read it.
    }
  }

  /** Lets go of what was at other paths than these: no container mounts it. */
  async keepOnly(paths: readonly string[]): Promise<void> {
    for (const [path, kept] of this.#kept) {
      if (paths.includes(path)) continue;
      this.#kept.delete(path);
      await closeAll(kept);
    }
  }
}

// --- internal ---

async function closeAll(kept: readonly Kept[]): Promise<void> {
  await Promise.all(kept.map(({ handle }) => handle.close()));
}
