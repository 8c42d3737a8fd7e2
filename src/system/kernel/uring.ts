/**
 * What only io_uring(7) does: it says "modified" of a file in which nothing is, and tells of what only poll(2) tells
 * (POLLPRI), which the runtime does not wait for. Linux only.
 */
import { closeSync } from "node:fs";
import { allocate } from "./memory.ts";
import { closeRing, completionsOf, eventsOf, openRing, type Ring, submit } from "./ring.ts";

const IORING_OP_POLL_ADD = 6;
const IORING_OP_WRITE = 23;
const POLLPRI = 2;

/**
 * Raises IN_MODIFY of an open file by a write of no bytes: write(2) raises nothing then, io_uring does, and no file
 * system is asked to do anything. Throws when the kernel has no io_uring for us.
 */
export function raiseModified(fd: number): void {
  const { ring, buffer } = (opened ??= { ring: openRing(1), buffer: allocate(8).address });
  ring.entries.setUint8(0, IORING_OP_WRITE);
  ring.entries.setInt32(4, fd, true);
  ring.entries.setBigUint64(16, BigInt(buffer), true);
  submit(ring, 1, 1);
  completionsOf(ring);
}

/**
 * Calls `onUrgent` whenever poll(2) says POLLPRI of an open file, until closed; nothing runs meanwhile. Throws when the
 * kernel has no io_uring for us.
 */
export function watchUrgent(fd: number, onUrgent: () => void): { close(): void } {
  const ring = openRing(1);
  const told = eventsOf(ring);
  ring.entries.setUint8(0, IORING_OP_POLL_ADD);
  ring.entries.setInt32(4, fd, true);
  ring.entries.setUint32(28, POLLPRI, true);
  const reader = Bun.file(told).stream().getReader();
  const closed = new AbortController();
  const wait = async (): Promise<void> => {
    while (!closed.signal.aborted) {
      // It tells once; the entry stays as it is.
      submit(ring, 1, 0);
      const { done } = await reader.read();
      if (done || closed.signal.aborted) return;
      completionsOf(ring);
      onUrgent();
    }
  };
  void wait().catch(() => {});
  return {
    close() {
      closed.abort();
      void reader.cancel().catch(() => {});
      closeRing(ring);
      closeSync(told);
    },
  };
}

// --- internal ---

/** A write of no bytes still names some. */
let opened: { readonly ring: Ring; readonly buffer: number } | undefined;
