/** struct statx (statx(2)), in which all that is known of a file is told on every host; pure. */

/** Where its members lie. */
export const statx = {
  blockSize: 4,
  links: 16,
  uid: 20,
  gid: 24,
  mode: 28,
  inode: 32,
  size: 40,
  blocks: 48,
  accessed: 64,
  born: 80,
  changed: 96,
  modified: 112,
  rdevMajor: 128,
  rdevMinor: 132,
  deviceMajor: 136,
  deviceMinor: 140,
} as const;

/** Its length. */
export const statxBytes = 256;
