/**
 * The door to io_uring(7) for two purposes: to say "modified" of a file in which nothing is, and to hear of what only
 * poll(2) tells (POLLPRI), which the runtime does not wait for. Linux only.
 */
import { FFIType } from "bun:ffi";
import { closeSync } from "node:fs";
import { fromLibrary } from "./library.ts";
import { allocate, mapFile, unmap, viewsOf } from "./memory.ts";

/** System calls by number, the same on x86_64 and aarch64. */
const SYS_io_uring_setup = 425n;
const SYS_io_uring_enter = 426n;
const SYS_io_uring_register = 427n;

const IORING_OFF_SQ_RING = 0;
const IORING_OFF_CQ_RING = 0x8000000;
const IORING_OFF_SQES = 0x10000000;
const IORING_OP_POLL_ADD = 6;
const IORING_OP_WRITE = 23;
const IORING_ENTER_GETEVENTS = 1n;
const IORING_REGISTER_EVENTFD = 4n;
const POLLPRI = 2;

/** EFD_NONBLOCK and EFD_CLOEXEC. */
const eventFlags = 0o4000 | 0o2000000;

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
  ring.entry.setUint8(0, IORING_OP_WRITE);
  ring.entry.setInt32(4, fd, true);
  ring.entry.setBigUint64(16, BigInt(ring.buffer), true);
  submit(ring, 1n);
  takeCompletion(ring);
}

/**
 * Calls `onUrgent` whenever poll(2) says POLLPRI of an open file, until closed; nothing runs meanwhile. Throws when the
 * kernel has no io_uring for us.
 */
export function watchUrgent(fd: number, onUrgent: () => void): { close(): void } {
  const ring = openRing();
  const told = libc().eventfd(0, eventFlags);
  const { address, view } = allocate(4);
  view.setInt32(0, told, true);
  const done = libc().syscall(
    SYS_io_uring_register,
    BigInt(ring.fd),
    IORING_REGISTER_EVENTFD,
    BigInt(address),
    1n,
    0n,
    0n,
  );
  if (Number(done) !== 0) throw new Error("io_uring tells of nothing by an eventfd");
  ring.entry.setUint8(0, IORING_OP_POLL_ADD);
  ring.entry.setInt32(4, fd, true);
  ring.entry.setUint32(28, POLLPRI, true);
  const reader = Bun.file(told).stream().getReader();
  const closed = new AbortController();
  const wait = async (): Promise<void> => {
    while (!closed.signal.aborted) {
      // It tells once; the entry stays as it is.
      submit(ring, 0n);
      const { done } = await reader.read();
      if (done || closed.signal.aborted) return;
      takeCompletion(ring);
      onUrgent();
    }
  };
  void wait().catch(() => {});
  return {
    close() {
      closed.abort();
      void reader.cancel().catch(() => {});
      unmap(address, 4);
      unmap(ring.buffer, paramsBytes);
      for (const each of ring.maps) unmap(each, mapBytes);
      for (const each of [ring.fd, told]) closeSync(each);
    },
  };
}

// --- internal ---

type Ring = {
  readonly fd: number;
  /** What is mapped of it: it lives as long as that. */
  readonly maps: readonly number[];
  readonly submissions: DataView;
  readonly completions: DataView;
  readonly entry: DataView;
  readonly tailAt: number;
  readonly arrayAt: number;
  readonly headAt: number;
  readonly buffer: number;
};

let opened: Ring | undefined;

/** Hands the entry in, and waits until so many are complete. */
function submit(ring: Ring, complete: bigint): void {
  const tail = ring.submissions.getUint32(ring.tailAt, true);
  ring.submissions.setUint32(ring.arrayAt, 0, true);
  ring.submissions.setUint32(ring.tailAt, tail + 1, true);
  const done = libc().syscall(SYS_io_uring_enter, BigInt(ring.fd), 1n, complete, IORING_ENTER_GETEVENTS, 0n, 0n);
  if (Number(done) !== 1) throw new Error(`io_uring_enter took ${Number(done)} of 1 entries`);
}

/** Takes the one completion, so that there is room for the next. */
function takeCompletion(ring: Ring): void {
  ring.completions.setUint32(ring.headAt, ring.completions.getUint32(ring.headAt, true) + 1, true);
}
/** struct io_uring_params: sizes, then where head, tail, mask, … and the array lie in each ring. */
function openRing(): Ring {
  const { address, view: params } = allocate(paramsBytes);
  const fd = Number(libc().syscall(SYS_io_uring_setup, 1n, BigInt(address), 0n, 0n, 0n, 0n));
  if (fd < 0) throw new Error("the kernel has no io_uring for us");
  const maps: number[] = [];
  const map = (offset: number): DataView => {
    const mapped = mapFile(fd, offset, mapBytes);
    maps.push(mapped);
    return viewsOf(mapped, mapBytes).view;
  };
  const submissionOffsets = 40;
  const completionOffsets = 80;
  return {
    fd,
    maps,
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

const { i32, u32, i64, u64 } = FFIType;

const libc = fromLibrary({
  eventfd: { args: [u32, i32], returns: i32 },
  syscall: { args: [i64, u64, u64, u64, u64, u64, u64], returns: i64 },
});
