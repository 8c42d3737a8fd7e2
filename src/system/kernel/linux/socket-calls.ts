/** What Linux has of Unix sockets and of memory that is a file, where a Mac has something else. */
import { FFIType } from "bun:ffi";
import { outcome } from "../errno.ts";
import { fromLibrary } from "../library.ts";
import { allocateText } from "../memory.ts";

const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
const MFD_CLOEXEC = 1;

/** The type of a pair whose messages arrive whole. */
export const pairType: number = SOCK_SEQPACKET;

/** Set in the type of a socket that is closed at exec. */
export const atExec: number = SOCK_CLOEXEC;

/** The longest path of a Unix socket. */
export const pathMax: number = 107;

/** Writes what stands before the path in an address of `length` bytes: the family, AF_UNIX. */
export function writeFamily(view: DataView, _length: number): void {
  view.setUint16(0, 1, true);
}

/** Closes a descriptor at exec that was not made so; here all are. */
export function closeAtExec(_fd: number): void {
  // SOCK_CLOEXEC and MSG_CMSG_CLOEXEC.
}

/** accept4(2). */
export function accept(listener: number): number {
  return outcome(() => libc().accept4(listener, null, null, SOCK_CLOEXEC));
}

/** Memory that is a file without a name (memfd_create(2)); an error's number below zero. */
export function unnamedFile(): number {
  return outcome(() => libc().memfd_create(allocateText("qn"), MFD_CLOEXEC));
}

// --- internal ---

const { i32, u32, u64_fast, ptr } = FFIType;

const libc = fromLibrary({
  memfd_create: { args: [u64_fast, u32], returns: i32 },
  accept4: { args: [i32, ptr, ptr, i32], returns: i32 },
});
