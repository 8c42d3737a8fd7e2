/** Calls of the C library by their names, with what they give or the error's name: for programs that compare file systems. */
import { dlopen, FFIType, read } from "bun:ffi";
import { constants } from "node:os";

const { i32, u32, i64, u64, ptr } = FFIType;

const { symbols } = dlopen("libc.so.6", {
  open: { args: [ptr, i32, u32], returns: i32 },
  openat: { args: [i32, ptr, i32, u32], returns: i32 },
  close: { args: [i32], returns: i32 },
  read: { args: [i32, ptr, u64], returns: i64 },
  write: { args: [i32, ptr, u64], returns: i64 },
  pread: { args: [i32, ptr, u64, i64], returns: i64 },
  pwrite: { args: [i32, ptr, u64, i64], returns: i64 },
  lseek: { args: [i32, i64, i32], returns: i64 },
  truncate: { args: [ptr, i64], returns: i32 },
  ftruncate: { args: [i32, i64], returns: i32 },
  fallocate: { args: [i32, i32, i64, i64], returns: i32 },
  posix_fallocate: { args: [i32, i64, i64], returns: i32 },
  fsync: { args: [i32], returns: i32 },
  fdatasync: { args: [i32], returns: i32 },
  syncfs: { args: [i32], returns: i32 },
  unlink: { args: [ptr], returns: i32 },
  unlinkat: { args: [i32, ptr, i32], returns: i32 },
  rename: { args: [ptr, ptr], returns: i32 },
  renameat2: { args: [i32, ptr, i32, ptr, u32], returns: i32 },
  link: { args: [ptr, ptr], returns: i32 },
  linkat: { args: [i32, ptr, i32, ptr, i32], returns: i32 },
  symlink: { args: [ptr, ptr], returns: i32 },
  readlink: { args: [ptr, ptr, u64], returns: i64 },
  mkdir: { args: [ptr, u32], returns: i32 },
  rmdir: { args: [ptr], returns: i32 },
  mknod: { args: [ptr, u32, u64], returns: i32 },
  mkfifo: { args: [ptr, u32], returns: i32 },
  chmod: { args: [ptr, u32], returns: i32 },
  fchmod: { args: [i32, u32], returns: i32 },
  chown: { args: [ptr, u32, u32], returns: i32 },
  lchown: { args: [ptr, u32, u32], returns: i32 },
  fchown: { args: [i32, u32, u32], returns: i32 },
  access: { args: [ptr, i32], returns: i32 },
  utimensat: { args: [i32, ptr, ptr, i32], returns: i32 },
  futimens: { args: [i32, ptr], returns: i32 },
  flock: { args: [i32, i32], returns: i32 },
  fcntl: { args: [i32, i32, ptr], returns: i32 },
  copy_file_range: { args: [i32, ptr, i32, ptr, u64, u32], returns: i64 },
  sendfile: { args: [i32, i32, ptr, u64], returns: i64 },
  mmap: { args: [ptr, u64, i32, i32, i32, i64], returns: i64 },
  munmap: { args: [i64, u64], returns: i32 },
  msync: { args: [i64, u64, i32], returns: i32 },
  memcpy: { args: [u64, ptr, u64], returns: u64 },
  setxattr: { args: [ptr, ptr, ptr, u64, i32], returns: i32 },
  lsetxattr: { args: [ptr, ptr, ptr, u64, i32], returns: i32 },
  getxattr: { args: [ptr, ptr, ptr, u64], returns: i64 },
  fgetxattr: { args: [i32, ptr, ptr, u64], returns: i64 },
  listxattr: { args: [ptr, ptr, u64], returns: i64 },
  removexattr: { args: [ptr, ptr], returns: i32 },
  socket: { args: [i32, i32, i32], returns: i32 },
  bind: { args: [i32, ptr, u32], returns: i32 },
  listen: { args: [i32, i32], returns: i32 },
  connect: { args: [i32, ptr, u32], returns: i32 },
  statx: { args: [i32, ptr, i32, u32, ptr], returns: i32 },
  statvfs: { args: [ptr, ptr], returns: i32 },
  umask: { args: [u32], returns: u32 },
  chdir: { args: [ptr], returns: i32 },
  getcwd: { args: [ptr, u64], returns: u64 },
  __errno_location: { args: [], returns: ptr },
});

type Word = string | number | bigint | NodeJS.TypedArray | null;

/** The name of a call. */
export type CallName = Exclude<keyof typeof symbols, "__errno_location">;

/** Calls it; texts get their zero byte. Gives its value, or the error's name. */
export function call(name: CallName, ...words: readonly Word[]): number | string {
  const given = words.map((word) => (typeof word === "string" ? Buffer.from(`${word}\0`) : word));
  // The table above has each call's types.
  const value = Number((symbols[name] as (...all: unknown[]) => number | bigint)(...given));
  if (value !== -1) return value;
  const number = read.i32(symbols.__errno_location() as never, 0);
  return Object.entries(constants.errno).find(([, each]) => each === number)?.[0] ?? `errno ${number}`;
}

/** What statx(2) says; an error's name where there is nothing. */
export function stat(path: string | number, follow = false): Stat | string {
  const to = Buffer.alloc(256);
  const status =
    typeof path === "number"
      ? call("statx", path, "", 0x1000, 0xfff, to)
      : call("statx", -100, path, follow ? 0 : 0x100, 0xfff, to);
  if (typeof status === "string") return status;
  const time = (at: number): bigint => to.readBigInt64LE(at) * 1_000_000_000n + BigInt(to.readUInt32LE(at + 8));
  return {
    links: to.readUInt32LE(16),
    uid: to.readUInt32LE(20),
    gid: to.readUInt32LE(24),
    mode: to.readUInt16LE(28).toString(8),
    inode: to.readBigUInt64LE(32),
    size: Number(to.readBigUInt64LE(40)),
    blocks: Number(to.readBigUInt64LE(48)),
    accessed: time(64),
    changed: time(96),
    modified: time(112),
  };
}

/** A part of struct statx. */
export type Stat = {
  readonly links: number;
  readonly uid: number;
  readonly gid: number;
  readonly mode: string;
  readonly inode: bigint;
  readonly size: number;
  readonly blocks: number;
  readonly accessed: bigint;
  readonly changed: bigint;
  readonly modified: bigint;
};

/** Two struct timespec. */
export function times(accessed: readonly [bigint, bigint], modified: readonly [bigint, bigint]): Buffer {
  const bytes = Buffer.alloc(32);
  for (const [index, value] of [...accessed, ...modified].entries()) bytes.writeBigInt64LE(value, 8 * index);
  return bytes;
}
