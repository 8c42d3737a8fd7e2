/** Pins inodes of the shares in the guest's kernel, so that an inotify watch in a container hears of a change. */
import { type Stats, constants } from "node:fs";
import { type FileHandle, open, readlink } from "node:fs/promises";
import { dirname } from "node:path";
import { lazily } from "../../base/lazily.ts";
import { newPathTree } from "../../base/path-tree.ts";
import { liesIn } from "../../base/words.ts";
import { O_PATH } from "../../system/kernel/libc.ts";
import { mountTable } from "../../system/mount-table.ts";
import { sharesIn } from "../files/shares.ts";

/** A file or folder that is held. `path` leads to it whatever becomes of its name. */
export type Pin = { readonly path: string; readonly stats: Stats };

/** Whose it is, and what it may be used for. */
export type Owner = Pick<Stats, "uid" | "gid" | "mode">;

/** What is held without a name, and whose it was when it had one. */
export type Ended = { readonly path: string; readonly owner: Owner };

/** Where the agent looks for a path of the guest's, and who wants to know what is held. */
export type InodePinsOptions = {
  readonly ownPath: (path: string) => string;
  /** Held from now on, and changed by the guest itself: a folder, or a file whose folder is not held. */
  readonly onHeld: (path: string, pin: Pin) => Promise<void>;
  readonly onReleased: (path: string) => void;
  /** It is not at its path any more, nor at another one that the guest has given it, and is let go of next. */
  readonly onEnd: (path: string, ended: Ended) => Promise<void>;
};

type Held = { readonly handle: FileHandle; readonly isFile: boolean; readonly owner: Owner };

/**
 * Holds files and folders of shares. A 9p client without a cache makes a new inode at each look-up, and a watch
 * (inotify(7)) sits on the inode of its own look-up: it hears nothing of what others do, unless somebody holds the
 * name.
 */
export class InodePins {
  readonly #options: InodePinsOptions;
  readonly #held = newPathTree<Held>();
  #sources: readonly string[] = [];

  constructor(options: InodePinsOptions) {
    this.#options = options;
  }

  /** Whether `path` is held. */
  has(path: string): boolean {
    return this.#held.get(path) !== undefined;
  }

  /** The path of a file that is held under this name, whatever the host has there by now. */
  fileAt(path: string): string | undefined {
    const held = this.#held.get(path);
    return held?.isFile === true ? pathOf(held.handle) : undefined;
  }

  /** The path of any file that is held right in a folder. */
  fileIn(folder: string): string | undefined {
    const held = this.#held.childOf(folder, ({ isFile }) => isFile);
    return held === undefined ? undefined : pathOf(held.handle);
  }

  /**
   * Holds what is at `path`, if it lies in a share and in one of the sources and no link leads elsewhere; nothing when
   * there is no such thing.
   */
  async hold(path: string): Promise<Pin | undefined> {
    const held = this.#held.get(path);
    const at = this.#options.ownPath(path);
    if (held !== undefined) {
      const pin = await pinIfNamed(held.handle, at);
      if (pin !== undefined) return pin;
      await this.end(path);
    }
    if (!this.#isMounted(path)) return undefined;
    let handle: FileHandle | undefined;
    try {
      handle = await open(at, O_PATH | constants.O_NOFOLLOW);
      const pin = await pinOf(handle);
      const share = shareOn(pin.stats.dev);
      // The sources may be others by now.
      if ((await readlink(pin.path)) === at && share !== undefined && this.#isMounted(path)) {
        const { uid, gid, mode } = pin.stats;
        this.#held.set(path, { handle, isFile: pin.stats.isFile(), owner: { uid, gid, mode } });
        handle = undefined;
        // A folder tells of the files in it. Where the guest keeps what it reads, asking for the state of what is being
        // written may lose it (decision D56); a read-only share has no changes by the guest.
        const isTold = pin.stats.isFile() && this.#held.get(dirname(path)) !== undefined;
        if (!isTold && !share.isCached && at === path) await this.#options.onHeld(path, pin);
        return pin;
      }
    } catch {
      // Gone already: the host tells of that too.
    } finally {
      await handle?.close();
    }
    return undefined;
  }

  /** Lets go of `path` and all below it: what is held is not what is there, if anything is. */
  async end(path: string): Promise<void> {
    const taken = this.#held.take(path);
    const ends = taken.map(async ([at, { handle, owner }]) => {
      const link = await readlink(pathOf(handle)).catch(() => "");
      // What lies in a folder that is gone keeps its name, and what the guest has moved has another one.
      const isEnded = link.endsWith(unnamed) || link === this.#options.ownPath(at);
      if (isEnded) await this.#options.onEnd(at, { path: pathOf(handle), owner });
    });
    await Promise.all(ends);
    await this.#letGo(taken);
  }

  /** Lets go of all that is at or below none of `sources`, and holds nothing there from now on. */
  async keepOnly(sources: readonly string[]): Promise<void> {
    this.#sources = sources;
    const over = this.#held.entries().filter(([path]) => !this.#isMounted(path));
    await Promise.all(over.map(([path]) => this.#letGo(this.#held.take(path))));
  }

  async #letGo(taken: readonly [path: string, held: Held][]): Promise<void> {
    for (const [released] of taken) this.#options.onReleased(released);
    await Promise.all(taken.map(([, { handle }]) => handle.close()));
  }

  #isMounted(path: string): boolean {
    return this.#sources.some((source) => liesIn(path, source));
  }
}

/** To be called when shares have been mounted again: they have other devices. */
export function forgetShareDevices(): void {
  shareDevices = lazily(readShareDevices);
}

// --- internal ---

/** What the kernel writes behind the path of what has no name any more, as far as it knows (proc_pid_fd(5)). */
const unnamed = " (deleted)";

async function pinOf(handle: FileHandle): Promise<Pin> {
  return { path: pathOf(handle), stats: await handle.stat() };
}

/** What is held, unless either side has renamed or deleted it: something else may have its name then. */
async function pinIfNamed(handle: FileHandle, path: string): Promise<Pin | undefined> {
  try {
    return (await readlink(pathOf(handle))) === path ? await pinOf(handle) : undefined;
  } catch {
    return undefined;
  }
}

function pathOf({ fd }: FileHandle): string {
  return `/proc/self/fd/${fd}`;
}

/** A share by its device; whether the guest keeps what it has read and written of it. */
type ShareDevice = { readonly isCached: boolean };

/** Devices of shares, by the kernel's table of mounts; shares are mounted before anything is held. */
let shareDevices = lazily(readShareDevices);

function shareOn(device: number): ShareDevice | undefined {
  // As the C library puts a device number together (makedev(3)), for the small numbers that such mounts have.
  return shareDevices().get(`${(device >> 8) & 0xfff}:${(device & 0xff) | ((device >> 12) & 0xfff00)}`);
}

function readShareDevices(): ReadonlyMap<string, ShareDevice> {
  return new Map(
    sharesIn(mountTable()).map(({ type, device, options }) => [
      device,
      { isCached: type === "9p" && /(^|,)cache=(?!none|0x0|0)/.test(options) },
    ]),
  );
}
