/** The door to a folder that stays the same one while it is worked on, whatever others put in its place. */
import { closeSync, constants, openSync, readlinkSync } from "node:fs";

/** A folder that is held open until disposed of; `path` names it, and what is in it, as long as that lasts. */
export type HeldFolder = Disposable & { readonly path: string };

/**
 * Holds the folder at `path`, which has no link in it. Nothing when there is none, or a link has been put in the place
 * of it or of a folder above since somebody looked. On Linux `path` leads to the folder itself (proc(5)); macOS has no
 * such names, and there the folder is only looked at by its path.
 */
export function holdFolder(path: string): HeldFolder | undefined {
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
  let fd: number | undefined;
  const close = (): void => {
    if (fd !== undefined) closeSync(fd);
    fd = undefined;
  };
  try {
    fd = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    const held = process.platform === "linux" ? `/proc/self/fd/${fd}` : path;
    if (held === path || readlinkSync(held) === path) return { path: held, [Symbol.dispose]: close };
  } catch {
    // No folder, or none that this user may read.
  }
  close();
  return undefined;
}
