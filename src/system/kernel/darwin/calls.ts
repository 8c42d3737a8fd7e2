/**
 * Calls of macOS' C library, by the names under which it exports them for Intel and Apple Silicon alike (libSystem's
 * list of symbols). openat, fcntl and shm_open take a variable number of arguments, which Apple Silicon passes on the
 * stack; `__openat` and its like are the same system calls with arguments as any (libsyscall/wrappers). `fstat64` and
 * its like have inode numbers of 64 bits on both.
 */
import { FFIType } from "bun:ffi";
import { fromLibrary } from "../library.ts";

const { i32, u32, u64_fast, i64_fast } = FFIType;
/** Addresses are numbers here. */
const at = u64_fast;

/** Loaded at the first call. */
export const libc = fromLibrary({
  __openat: { args: [i32, at, i32, u32], returns: i32 },
  __fcntl: { args: [i32, i32, at], returns: i32 },
  __shm_open: { args: [at, i32, u32], returns: i32 },
  shm_unlink: { args: [at], returns: i32 },
  close: { args: [i32], returns: i32 },
  dup: { args: [i32], returns: i32 },
  accept: { args: [i32, at, at], returns: i32 },
  ioctl: { args: [i32, u64_fast], returns: i32 },
  fstat64: { args: [i32, at], returns: i32 },
  fstatat64: { args: [i32, at, at, i32], returns: i32 },
  fstatfs64: { args: [i32, at], returns: i32 },
  __getdirentries64: { args: [i32, at, u64_fast, at], returns: i64_fast },
  mkdirat: { args: [i32, at, u32], returns: i32 },
  symlinkat: { args: [at, i32, at], returns: i32 },
  linkat: { args: [i32, at, i32, at, i32], returns: i32 },
  unlinkat: { args: [i32, at, i32], returns: i32 },
  renameatx_np: { args: [i32, at, i32, at, u32], returns: i32 },
  readlinkat: { args: [i32, at, at, u64_fast], returns: i64_fast },
  fchmod: { args: [i32, u32], returns: i32 },
  fchmodat: { args: [i32, at, u32, i32], returns: i32 },
  fchown: { args: [i32, i32, i32], returns: i32 },
  fchownat: { args: [i32, at, i32, i32, i32], returns: i32 },
  futimens: { args: [i32, at], returns: i32 },
  utimensat: { args: [i32, at, at, i32], returns: i32 },
  ftruncate: { args: [i32, i64_fast], returns: i32 },
  preadv: { args: [i32, at, i32, i64_fast], returns: i64_fast },
  pwritev: { args: [i32, at, i32, i64_fast], returns: i64_fast },
  fsync: { args: [i32], returns: i32 },
  ffsctl: { args: [i32, u64_fast, at, u32], returns: i32 },
  lseek: { args: [i32, i64_fast, i32], returns: i64_fast },
  fgetxattr: { args: [i32, at, at, u64_fast, u32, i32], returns: i64_fast },
  fsetxattr: { args: [i32, at, at, u64_fast, u32, i32], returns: i32 },
  flistxattr: { args: [i32, at, u64_fast, i32], returns: i64_fast },
  fremovexattr: { args: [i32, at, i32], returns: i32 },
  strlen: { args: [at], returns: u64_fast },
  strncmp: { args: [at, at, u64_fast], returns: i32 },
});
