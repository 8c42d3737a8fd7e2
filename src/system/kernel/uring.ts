/** The door to io_uring(7) for one purpose: to say "modified" of a file in which nothing is. Linux only. */
import { FFIType } from "bun:ffi";
import { fromLibrary } from "./library.ts";
import { allocate, mapFile, viewsOf } from "./memory.ts";

/** System calls by number, the same on x86_64 and aarch64. */
const SYS_io_uring_setup = 425n;
const SYS_io_uring_enter = 426n;

const IORING_OFF_SQ_RING = 0;
const IORING_OFF_CQ_RING = 0x8000000;
const IORING_OFF_SQES = 0x10000000;
const IORING_OP_WRITE = 23;
const IORING_ENTER_GETEVENTS = 1n;

/** A page is more than one entry needs (linux/io_uring.h). */
const mapBytes = 4096;

/** struct io_uring_params. */
const paramsBytes = 120;

/**
 * Raises IN_MODIFY of an open file by a write of no bytes: write(2) raises nothing then, io_uring does, and no file
 * system is asked to do anything. Throws when the kernel has no io_uring for us.
 */
export function raiseModified(fd: number): void {
  const ring = (opened ??= openRing());
  const tail = ring.submissions.getUint32(ring.tailAt, true);
  ring.entry.setUint8(0, IORING_OP_WRITE);
  ring.entry.setInt32(4, fd, true);
  ring.entry.setBigUint64(16, BigInt(ring.buffer), true);
  ring.submissions.setUint32(ring.arrayAt, 0, true);
  ring.submissions.setUint32(ring.tailAt, tail + 1, true);
  const done = libc().syscall(SYS_io_uring_enter, BigInt(ring.fd), 1n, 1n, IORING_ENTER_GETEVENTS, 0n, 0n);
  // Takes the one completion, so that there is room for the next.
  ring.completions.setUint32(ring.headAt, ring.completions.getUint32(ring.headAt, true) + 1, true);
  if (Number(done) !== 1) throw new Error(`io_uring_enter took ${Number(done)} of 1 entries`);
}

// --- internal ---

type Ring = {
  readonly fd: number;
  readonly submissions: DataView;
  readonly completions: DataView;
  readonly entry: DataView;
  readonly tailAt: number;
  readonly arrayAt: number;
  readonly headAt: number;
  readonly buffer: number;
};

let opened: Ring | undefined;

/** struct io_uring_params: sizes, then where head, tail, mask, … and the array lie in each ring. */
function openRing(): Ring {
  const { address, view: params } = allocate(paramsBytes);
  const fd = Number(libc().syscall(SYS_io_uring_setup, 1n, BigInt(address), 0n, 0n, 0n, 0n));
  if (fd < 0) throw new Error("the kernel has no io_uring for us");
  const map = (offset: number): DataView => viewsOf(mapFile(fd, offset, mapBytes), mapBytes).view;
  const submissionOffsets = 40;
  const completionOffsets = 80;
  return {
    fd,
    submissions: map(IORING_OFF_SQ_RING),
    completions: map(IORING_OFF_CQ_RING),
    entry: map(IORING_OFF_SQES),
    tailAt: params.getUint32(submissionOffsets + 4, true),
    arrayAt: params.getUint32(submissionOffsets + 24, true),
    headAt: params.getUint32(completionOffsets, true),
    // A write of no bytes still names some.
    buffer: address,
  };
}

const { i64, u64 } = FFIType;

const libc = fromLibrary({
  syscall: { args: [i64, u64, u64, u64, u64, u64, u64], returns: i64 },
});
