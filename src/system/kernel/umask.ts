/** The file mode creation mask (umask(2)), for one thing at a time. */

/** Files and sockets that nobody but their owner can read, write or connect to; no folder may be made under it. */
export const ownersFilesMask = 0o177;

/**
 * Does `work` under `mask`, which a program started meanwhile keeps (umask(2)). The mask is the whole process's:
 * nothing else happens meanwhile, for `work` is over when it returns.
 */
export function withMask<T>(mask: number, work: () => T): T {
  const before = process.umask(mask);
  try {
    return work();
  } finally {
    process.umask(before);
  }
}
