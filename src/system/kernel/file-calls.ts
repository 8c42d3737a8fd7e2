/**
 * The door to files by descriptor and name, as a server of files needs them; nothing is thrown. Paths and buffers are
 * addresses (memory.ts), paths end with a zero byte. FUSE is Linux' own words, and so is this door on every host:
 * flags, struct statx, entries of folders and numbers of errors are Linux', and each call gives what Linux' would, an
 * error's number below zero. What each does stands in linux/file-calls.ts, how a Mac does it in darwin/file-calls.ts.
 */
import * as darwin from "./darwin/file-calls.ts";
import * as linux from "./linux/file-calls.ts";

export * from "./file-flags.ts";

const calls: typeof linux = process.platform === "darwin" ? darwin : linux;

export const {
  allocateFd,
  chmodFd,
  chownFd,
  closeFd,
  copyRange,
  findAttribute,
  findAttributeAt,
  getAttribute,
  linkFdAt,
  listenIn,
  listAttributes,
  mkdirAt,
  mknodAt,
  openAt,
  readFolder,
  readLinkFd,
  readVectors,
  removeAttributeFd,
  renameAt,
  reopenFd,
  seekFd,
  setAttribute,
  setTimesFd,
  statAt,
  statFd,
  statFileSystem,
  symlinkAt,
  syncFd,
  syncFileSystem,
  truncateFd,
  unlinkAt,
  writeVectors,
} = calls;
