/**
 * Memory that the guest keeps of files although nobody reads them any more: it is freed, and so given back to the host,
 * which hears of what is free (virtio-balloon's free page reporting).
 */
import { writeFile } from "node:fs/promises";
import { messageOf } from "../../base/errors.ts";
import { after, type Timer } from "../../system/clock.ts";
import { isErrno } from "../../system/errno.ts";
import { watchPressure } from "../../system/kernel/pressure.ts";
import { memoryUse, type MemoryUse, movedBytes } from "../../system/memory-use.ts";

const MiB = 1024 * 1024;

/** How long the disks have to be quiet, in milliseconds: a program that is built again and again finds its files. */
const quietMs = 15_000;

/** Disks are quiet when not more than this was read and written meanwhile. */
const quietBytes = 16 * MiB;

/** Freed at once: it takes some 10 ms, and 0.5 s in a guest that is emulated by a busy machine. */
const sliceBytes = 64 * MiB;

/** What makes somebody look when no call to Docker does: tasks that wait for disks, for this long of ten seconds. */
const stall = { stallMs: 20, windowMs: 10_000 };

/** The root of all groups frees the oldest first, whosever they are (kernel documentation, cgroup-v2). */
const reclaimFile = "/sys/fs/cgroup/memory.reclaim";

/** What is looked at, and how memory is freed. */
export type Kernel = {
  readonly memoryUse: () => Promise<MemoryUse>;
  readonly movedBytes: () => Promise<number>;
  /** Frees so many bytes; throws EAGAIN when there were less. */
  readonly reclaim: (bytes: number) => Promise<void>;
  readonly watch: (onPressure: () => void) => { close(): void };
};

const ownKernel: Kernel = {
  memoryUse,
  movedBytes,
  reclaim: async (bytes) => await writeFile(reclaimFile, `${bytes}`),
  watch: (onPressure) => watchPressure("io", stall, onPressure),
};

/** Frees what nobody reads, some time after something was read. While nothing happens, nothing is looked at. */
export class IdleFiles {
  readonly #log: (text: string) => void;
  readonly #kernel: Kernel;
  readonly #quietMs: number;
  readonly #watch: { close(): void } | undefined;
  #look: Timer | undefined;
  #isNudged = false;
  #isClosed = false;
  #movedBytes = 0;

  constructor(log: (text: string) => void, kernel = ownKernel, waitMs = quietMs) {
    this.#log = log;
    this.#kernel = kernel;
    this.#quietMs = waitMs;
    try {
      this.#watch = kernel.watch(() => this.nudge());
    } catch (error) {
      log(`memory is given back after calls to Docker only: ${messageOf(error)}`);
    }
  }

  /** Something has happened that may have read or written files. */
  nudge(): void {
    this.#isNudged = true;
    if (!this.#isClosed) this.#look ??= after(this.#quietMs, () => void this.#freeIfQuiet());
  }

  close(): void {
    this.#isClosed = true;
    this.#look?.cancel();
    this.#watch?.close();
  }

  async #freeIfQuiet(): Promise<void> {
    this.#isNudged = false;
    try {
      const before = this.#movedBytes;
      this.#movedBytes = await this.#kernel.movedBytes();
      if (this.#movedBytes - before > quietBytes) this.#isNudged = true;
      else await this.#free();
    } catch (error) {
      this.#log(`memory cannot be given back: ${messageOf(error)}`);
    }
    this.#look = undefined;
    if (this.#isNudged) this.nudge();
  }

  /** Slice by slice, until there is nothing more to free, or somebody needs the processors. */
  async #free(): Promise<void> {
    while (!this.#isNudged && !this.#isClosed) {
      const { totalBytes, fileBytes } = await this.#kernel.memoryUse();
      if (fileBytes < keptBytes(totalBytes) + sliceBytes) return;
      try {
        await this.#kernel.reclaim(sliceBytes);
      } catch (error) {
        // Less than that was freed: what is left is mapped, or being written.
        if (isErrno(error, "EAGAIN")) return;
        throw error;
      }
    }
  }
}

/** What a guest of that memory keeps of its files: what Docker's programs and a few images need to start at once. */
export function keptBytes(totalBytes: number): number {
  return Math.max(256 * MiB, totalBytes / 8);
}
