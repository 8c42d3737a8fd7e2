/** What the guest's kernel must not forget of the shares, so that a watch in a container hears of it. */
import { type Stats, constants } from "node:fs";
import { type FileHandle, open, readFile, readlink } from "node:fs/promises";
import { newPathTree } from "../../base/path-tree.ts";
import { liesIn } from "../../base/words.ts";

/** O_PATH of open(2), which Node.js does not name: a handle on the name alone, with no file open on the host. */
const O_PATH = 0o10000000;

/** Types of file systems that a share can be, as mountinfo names them. statfs(2) over 9p tells the host's own type. */
const shareTypes: ReadonlySet<string> = new Set(["9p", "virtiofs"]);

/** A file or folder that is held. `path` leads to it whatever becomes of its name. */
export type Pin = { readonly path: string; readonly stats: Stats };

/**
 * Holds files and folders of shares. A 9p client without a cache makes a new inode at each look-up, and a watch
 * (inotify(7)) sits on the inode of its own look-up: it hears nothing of what others do, unless somebody holds the name.
 */
export class Pins {
  readonly #handles = newPathTree<FileHandle>();
  #sources: readonly string[] = [];

  /** Whether `path` is held. */
  has(path: string): boolean {
    return this.#handles.get(path) !== undefined;
  }

  /**
   * Holds what is at `path`, if it lies in a share and in one of the sources and no link leads elsewhere; nothing when
   * there is no such thing.
   */
  async hold(path: string): Promise<Pin | undefined> {
    const held = this.#handles.get(path);
    if (held !== undefined) {
      const pin = await pinIfNamed(held, path);
      if (pin !== undefined) return pin;
      await this.release(path);
    }
    if (!this.#isMounted(path)) return undefined;
    let handle: FileHandle | undefined;
    try {
      handle = await open(path, O_PATH | constants.O_NOFOLLOW);
      const pin = await pinOf(handle);
      // The sources may be others by now.
      if ((await readlink(pin.path)) === path && (await isOnShare(pin.stats.dev)) && this.#isMounted(path)) {
        this.#handles.set(path, handle);
        handle = undefined;
        return pin;
      }
    } catch {
      // Gone already: the host tells of that too.
    } finally {
      await handle?.close();
    }
    return undefined;
  }

  /** Lets go of `path` and all below it. */
  async release(path: string): Promise<void> {
    await Promise.all(this.#handles.take(path).map(([, handle]) => handle.close()));
  }

  /** Lets go of all that is at or below none of `sources`, and holds nothing there from now on. */
  async keepOnly(sources: readonly string[]): Promise<void> {
    this.#sources = sources;
    const over = this.#handles.entries().filter(([path]) => !this.#isMounted(path));
    await Promise.all(over.map(([path]) => this.release(path)));
  }

  #isMounted(path: string): boolean {
    return this.#sources.some((source) => liesIn(path, source));
  }
}

// --- internal ---

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

/** Devices of shares, found in the kernel's table of mounts (proc(5)); shares are mounted before anything is held. */
let shareDevices: Promise<ReadonlySet<string>> | undefined;

async function isOnShare(device: number): Promise<boolean> {
  shareDevices ??= readFile("/proc/self/mountinfo", "utf8").then(devicesOf);
  // As the C library puts a device number together (makedev(3)), for the small numbers that such mounts have.
  return (await shareDevices).has(`${(device >> 8) & 0xfff}:${(device & 0xff) | ((device >> 12) & 0xfff00)}`);
}

function devicesOf(table: string): ReadonlySet<string> {
  const lines = table
    .split("\n")
    .map((line) => ({ words: line.split(" "), type: line.split(" - ")[1]?.split(" ")[0] }));
  return new Set(lines.filter(({ type }) => shareTypes.has(type ?? "")).map(({ words }) => words[2] ?? ""));
}
