/** How a share's state lies in one file in memory, which outlives the process that works on it: the layout; pure. */

/** A change of the layout is another number: a state of another one is not taken over. */
export const stateVersion = 2;

/**
 * What the guest may make the server remember: nodes (files that its kernel knows) and handles (files that it has
 * open).
 */
export const nodesMax = 2 ** 21;
export const handlesMax = 2 ** 16;

/**
 * The length of each part. Names lie in units, an average name takes two. All is sparse: only what is used is memory.
 */
const headBytes = 4096;
export const nodeWords = 16;
export const handleWords = 4;
export const nameUnit = 16;
const namesBytes = nodesMax * 4 * nameUnit;

/** Where each part begins, and where all ends. */
export const nodesAt = headBytes;
export const handlesAt = nodesAt + nodesMax * nodeWords * 4;
export const namesAt = handlesAt + handlesMax * handleWords * 4;
export const stateBytes = namesAt + namesBytes;

/** Units that names can be in. */
export const nameUnits = namesBytes / nameUnit;

/** Words of the head. */
export const head = {
  version: 0,
  /** One more than the highest node ever used. */
  nodesEnd: 1,
  /** The first unit that no name has used. */
  namesEnd: 2,
  handlesEnd: 3,
  /** What INIT has agreed on; 0 before it. */
  fuseFlags: 4,
  fuseFlagsHigh: 5,
  isInitialized: 6,
  /** The request in work, how often it was begun, whether it has been answered, and with how many bytes. */
  uniqueLow: 8,
  uniqueHigh: 9,
  attempts: 10,
  answered: 11,
  written: 12,
  /** The numbers of file systems below the share, in the order in which they were met. */
  devicesCount: 15,
  devices: 16,
  /** Requests of fsync that somebody else works on. */
  syncs: 512,
} as const;

/** At most so many file systems are told apart. */
export const devicesMax = 255;

/** At most so many requests of fsync are under way beside others, and the words of each. */
export const syncsMax = 16;
export const syncWords = 8;
