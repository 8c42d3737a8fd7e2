/** Takes away what qn's own server has kept of owners below a folder: all is the user's then, in containers too. */
import { closeSync, constants, fstatSync, openSync, readdirSync } from "node:fs";
import { isErrno } from "../../system/errno.ts";
import { chmodFd, getAttribute, removeAttributeFd } from "../../system/kernel/file-calls.ts";
import { O_PATH } from "../../system/kernel/libc.ts";
import { allocate } from "../../system/kernel/memory.ts";
import { ownerAttribute } from "./node/owner.ts";

/**
 * Gives how many files and folders had something kept of them, the folder itself among them. Follows no link, and holds
 * each folder open while it is in it. Throws what the system says of a folder that cannot be read. Linux only.
 */
export function forgetOwners(folder: string): number {
  const name = allocate(64);
  name.bytes.set(Buffer.from(`${ownerAttribute}\0`));
  return forgetBelow(folder, name.address);
}

// --- internal ---

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;

function forgetBelow(folder: string, name: number): number {
  const fd = openSync(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    const held = `/proc/self/fd/${fd}`;
    let count = forget(fd, name);
    for (const entry of readdirSync(held, { withFileTypes: true })) {
      const path = `${held}/${entry.name}`;
      if (entry.isDirectory()) count += forgetBelow(path, name);
      else if (entry.isFile()) count += forgetOf(path, name);
    }
    return count;
  } finally {
    closeSync(fd);
  }
}

/** A file that has gone meanwhile has nothing kept of it. */
function forgetOf(path: string, name: number): number {
  let fd: number;
  try {
    fd = openSync(path, O_PATH | O_NOFOLLOW);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return 0;
    throw error;
  }
  try {
    return forget(fd, name);
  } finally {
    closeSync(fd);
  }
}

function forget(fd: number, name: number): number {
  if (getAttribute(fd, name, 0, 0) < 0) return 0;
  if (removeAttributeFd(fd, name) >= 0) return 1;
  // A file that its user may not write to keeps its attributes, too.
  const { mode } = fstatSync(fd);
  chmodFd(fd, (mode | 0o200) & 0o7777);
  const status = removeAttributeFd(fd, name);
  chmodFd(fd, mode & 0o7777);
  return status >= 0 ? 1 : 0;
}
