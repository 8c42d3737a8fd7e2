/** The door to io_uring(7): a ring of entries that the kernel works on, and what it says when it has. Linux only. */
import { FFIType } from "bun:ffi";
import { closeSync } from "node:fs";
import { fromLibrary } from "./library.ts";
import { allocate, mapFile, unmap, viewsOf } from "./memory.ts";

/** A ring; `entries` has its submissions, of `entryBytes` each. */
export type Ring = {
  readonly fd: number;
  /** What is mapped of it: it lives as long as that. */
  readonly maps: readonly number[];
  readonly submissions: DataView;
  readonly completions: DataView;
  readonly entries: DataView;
  readonly offsets: {
    readonly submitted: number;
    readonly submissionsMask: number;
    readonly array: number;
    readonly taken: number;
    readonly completed: number;
    readonly completionsMask: number;
    readonly results: number;
  };
};

/** The length of struct io_uring_sqe. */
export const entryBytes = 64;

/** What has become of an entry: the number that it was given, and what the call gives, an error's below zero. */
export type Completion = { readonly number: number; readonly result: number };

/** Opens a ring for up to 32 entries at once, a power of two. Throws when the kernel has no io_uring for us. */
export function openRing(entriesMax: number): Ring {
  const { address, view: params } = allocate(paramsBytes);
  const fd = Number(libc().syscall(SYS_io_uring_setup, BigInt(entriesMax), BigInt(address), 0n, 0n, 0n, 0n));
  if (fd < 0) throw new Error("the kernel has no io_uring for us");
  const maps: number[] = [];
  const map = (offset: number): DataView => {
    const mapped = mapFile(fd, offset, mapBytes);
    maps.push(mapped);
    return viewsOf(mapped, mapBytes).view;
  };
  // struct io_uring_params: sizes, then where head, tail, mask, … and the array lie in each ring.
  const [submissionOffsets, completionOffsets] = [40, 80];
  const offsets = {
    submitted: params.getUint32(submissionOffsets + 4, true),
    submissionsMask: params.getUint32(submissionOffsets + 8, true),
    array: params.getUint32(submissionOffsets + 24, true),
    taken: params.getUint32(completionOffsets, true),
    completed: params.getUint32(completionOffsets + 4, true),
    completionsMask: params.getUint32(completionOffsets + 8, true),
    results: params.getUint32(completionOffsets + 20, true),
  };
  const ring = {
    fd,
    maps,
    submissions: map(IORING_OFF_SQ_RING),
    completions: map(IORING_OFF_CQ_RING),
    entries: map(IORING_OFF_SQES),
    offsets,
  };
  unmap(address, paramsBytes);
  return ring;
}

/** An eventfd(2) that is written to whenever something is complete. Throws where there is none. */
export function eventsOf(ring: Ring): number {
  const told = libc().eventfd(0, eventFlags);
  const { address, view } = allocate(4);
  view.setInt32(0, told, true);
  const arguments_ = [BigInt(ring.fd), IORING_REGISTER_EVENTFD, BigInt(address), 1n, 0n, 0n] as const;
  const done = Number(libc().syscall(SYS_io_uring_register, ...arguments_));
  unmap(address, 4);
  if (done !== 0) throw new Error("io_uring tells of nothing by an eventfd");
  return told;
}

/**
 * Lets so many entries be worked on at once that each wait for a file system; a kernel before 5.15 has four for each
 * processor.
 */
export function allowWorkers(ring: Ring, workersMax: number): void {
  const { address, view } = allocate(8);
  view.setUint32(0, workersMax, true);
  const arguments_ = [BigInt(ring.fd), IORING_REGISTER_IOWQ_MAX_WORKERS, BigInt(address), 2n, 0n, 0n] as const;
  libc().syscall(SYS_io_uring_register, ...arguments_);
  unmap(address, 8);
}

/** Hands the first `count` entries in, and waits until so many are complete. */
export function submit(ring: Ring, count: number, complete: number): void {
  const { submitted, submissionsMask, array } = ring.offsets;
  const tail = ring.submissions.getUint32(submitted, true);
  const mask = ring.submissions.getUint32(submissionsMask, true);
  for (let index = 0; index < count; index += 1)
    ring.submissions.setUint32(array + 4 * ((tail + index) & mask), index, true);
  ring.submissions.setUint32(submitted, (tail + count) >>> 0, true);
  const [fd, wanted] = [BigInt(ring.fd), BigInt(count)];
  const done = libc().syscall(SYS_io_uring_enter, fd, wanted, BigInt(complete), IORING_ENTER_GETEVENTS, 0n, 0n);
  if (Number(done) !== count) throw new Error(`io_uring_enter took ${Number(done)} of ${count} entries`);
}

/** Takes what is complete, so that there is room for the next. */
export function completionsOf(ring: Ring): Completion[] {
  const { taken, completed, completionsMask, results } = ring.offsets;
  const [from, to] = [ring.completions.getUint32(taken, true), ring.completions.getUint32(completed, true)];
  const mask = ring.completions.getUint32(completionsMask, true);
  const found = Array.from({ length: (to - from) >>> 0 }, (_, index) => {
    const at = results + completionBytes * ((from + index) & mask);
    return { number: ring.completions.getUint32(at, true), result: ring.completions.getInt32(at + 8, true) };
  });
  ring.completions.setUint32(taken, to, true);
  return found;
}

/** Closes it; nothing may be under way. */
export function closeRing(ring: Ring): void {
  for (const each of ring.maps) unmap(each, mapBytes);
  closeSync(ring.fd);
}

// --- internal ---

/** System calls by number, the same on x86_64 and aarch64. */
const SYS_io_uring_setup = 425n;
const SYS_io_uring_enter = 426n;
const SYS_io_uring_register = 427n;

const IORING_OFF_SQ_RING = 0;
const IORING_OFF_CQ_RING = 0x8000000;
const IORING_OFF_SQES = 0x10000000;
const IORING_ENTER_GETEVENTS = 1n;
const IORING_REGISTER_EVENTFD = 4n;
const IORING_REGISTER_IOWQ_MAX_WORKERS = 19n;

/** EFD_NONBLOCK and EFD_CLOEXEC. */
const eventFlags = 0o4000 | 0o2000000;

/** A page has room for each part of 32 entries, and 64 completions (linux/io_uring.h). */
const mapBytes = 4096;
/** struct io_uring_params and struct io_uring_cqe. */
const paramsBytes = 120;
const completionBytes = 16;

const { i32, u32, i64, u64 } = FFIType;

const libc = fromLibrary({
  eventfd: { args: [u32, i32], returns: i32 },
  syscall: { args: [i64, u64, u64, u64, u64, u64, u64], returns: i64 },
});
