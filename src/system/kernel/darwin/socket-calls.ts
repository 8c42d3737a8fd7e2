/** What a Mac has of Unix sockets and of memory that is a file, where Linux has something else. */
import { outcome } from "../errno.ts";
import { allocateText } from "../memory.ts";
import { libc } from "./calls.ts";
import { FIOCLEX } from "./numbers.ts";

const SOCK_STREAM = 1;
const O_RDWR_CREAT_EXCL = 0x2 | 0x200 | 0x800;

/** A Mac has no pair whose messages arrive whole: packets.ts sends their lengths before them. */
export const pairType: number = SOCK_STREAM;

/** No type of a socket says so. */
export const atExec: number = 0;

/** The longest path of a Unix socket. */
export const pathMax: number = 103;

/** Writes what stands before the path in an address of `length` bytes: that, and the family, a byte each. */
export function writeFamily(view: DataView, length: number): void {
  view.setUint8(0, length);
  view.setUint8(1, 1);
}

/** Closes a descriptor at exec. */
export function closeAtExec(fd: number): void {
  libc().ioctl(fd, FIOCLEX);
}

/** accept(2). */
export function accept(listener: number): number {
  const fd = outcome(() => libc().accept(listener, 0, 0));
  if (fd >= 0) closeAtExec(fd);
  return fd;
}

/**
 * Memory that is a file, whose name is taken away at once (shm_open(2), which closes it at exec); an error's number
 * below zero. A name has at most 31 letters.
 */
export function unnamedFile(): number {
  const name = `/qn.${crypto.randomUUID().slice(0, 23)}`;
  const fd = outcome(() => libc().__shm_open(allocateText(name), O_RDWR_CREAT_EXCL, 0o600));
  libc().shm_unlink(allocateText(name));
  return fd;
}
