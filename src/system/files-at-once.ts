/**
 * Small files read at once, with the process waiting: for a command's own. To hand a read to another thread and back
 * takes several times as long as the read, and to load node:fs/promises as long as `qn ls` takes for ten VMs.
 */
import { closeSync, constants, existsSync, fstatSync, openSync, readFileSync, type Stats } from "node:fs";

/**
 * The text of a file, or nothing when it is not there. Other failures are thrown as they are, and EINVAL for what would
 * keep a reader waiting, such as a FIFO.
 */
export function readTextAtOnce(path: string): string | undefined {
  // No error is made for what is often not there.
  if (!existsSync(path)) return undefined;
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    refuseStrange(path, fstatSync(fd));
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}

/** Throws EISDIR for a folder, EINVAL for a FIFO, a socket or a device. */
export function refuseStrange(path: string, facts: Stats): void {
  if (facts.isFile()) return;
  const code = facts.isDirectory() ? "EISDIR" : "EINVAL";
  throw Object.assign(new Error("it is no file"), { code, path });
}
