/** FUSE's protocol (Linux' include/uapi/linux/fuse.h, 7.31 to 7.42): numbers, and where things lie; pure. */

/** What the guest's kernel asks for. */
export const op = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  setattr: 4,
  readlink: 5,
  symlink: 6,
  mknod: 8,
  mkdir: 9,
  unlink: 10,
  rmdir: 11,
  rename: 12,
  link: 13,
  open: 14,
  read: 15,
  write: 16,
  statfs: 17,
  release: 18,
  fsync: 20,
  setxattr: 21,
  getxattr: 22,
  listxattr: 23,
  removexattr: 24,
  flush: 25,
  init: 26,
  opendir: 27,
  readdir: 28,
  releasedir: 29,
  fsyncdir: 30,
  create: 35,
  interrupt: 36,
  destroy: 38,
  batchForget: 42,
  fallocate: 43,
  readdirplus: 44,
  rename2: 45,
  lseek: 46,
  copyFileRange: 47,
  syncfs: 50,
  tmpfile: 51,
} as const;

/** What INIT may agree on, of its first 32 flags. */
export const init = {
  asyncRead: 1 << 0,
  atomicTruncate: 1 << 3,
  bigWrites: 1 << 5,
  readdirplus: 1 << 13,
  readdirplusAuto: 1 << 14,
  autoInvalidate: 1 << 12,
  parallelFolders: 1 << 18,
  maxPages: 1 << 22,
  cacheLinks: 1 << 23,
  killPrivilegesV2: 1 << 28,
} as const;

/** The numbers of errors on Linux, below zero as answers have them. */
export const errors = {
  EPERM: -1,
  ENOENT: -2,
  EIO: -5,
  E2BIG: -7,
  EBADF: -9,
  EEXIST: -17,
  ENOTDIR: -20,
  EISDIR: -21,
  EINVAL: -22,
  ENFILE: -23,
  EFBIG: -27,
  EROFS: -30,
  ERANGE: -34,
  ENAMETOOLONG: -36,
  ENOSYS: -38,
  ELOOP: -40,
  ENODATA: -61,
  EOPNOTSUPP: -95,
  ESTALE: -116,
} as const;

/** Bytes of the beginnings of requests and answers, and of what answers are made of. */
export const requestHeader = 40;
export const replyHeader = 16;
export const entryBytes = 128;
export const attributesBytes = 104;
export const openBytes = 16;

/** The version that is spoken: 7.38 has all that is answered here. */
export const version = { major: 7, minor: 38, oldestMinor: 31 } as const;

/** What one read or write may carry, and the pages that it is. */
export const dataMax = 2 ** 20;
export const pagesMax = dataMax / 4096;
