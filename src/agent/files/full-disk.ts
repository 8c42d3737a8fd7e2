/** ENOSPC for writers: makes a full disk of the host an error of the write that finds it full. */
import { statfs } from "node:fs/promises";
import { totalmem } from "node:os";
import { messageOf } from "../../base/errors.ts";
import type { Boot } from "../../protocol/messages.ts";
import { pause } from "../../system/clock.ts";
import { setSynchronous } from "../../system/kernel/libc.ts";

const MiB = 1024 * 1024;

/** No machine writes faster to a share than this, so that a disk with much space left need not be looked at often. */
const bytesPerMsMax = 1.5 * MiB;
const lookMs = { shortest: 500, longest: 60_000 };

/**
 * What the guest may have written and not brought to the host yet: a fifth of its memory (vm.dirty_ratio), and some
 * more. With less space than this a write could find the disk full after the program that made it has ended.
 */
export function littleSpace(memoryBytes: number): number {
  return memoryBytes / 5 + 256 * MiB;
}

/** When a disk with so much free space has to be looked at again, in milliseconds. */
export function nextLookMs(freeBytes: number, littleBytes: number): number {
  const nearMs = (freeBytes - littleBytes) / bytesPerMsMax;
  return Math.min(lookMs.longest, Math.max(lookMs.shortest, Math.round(nearMs)));
}

/**
 * Looks after the disks that shares lie on, until `signal` fires. Linux keeps what is written to a share with the cache
 * `mmap` for a moment, and tells of what goes wrong then to nobody but who calls fsync(2): `cp` onto a full disk would
 * end well, with half a file. So writes go through at once while a disk has little space left. Nobody tells how full a
 * disk of the host is, so it is looked at; never more often than it can fill up.
 */
export function guardFullDisks(shares: Boot["shares"], signal: AbortSignal, onTrouble: (text: string) => void): void {
  const guarded = shares.filter(
    ({ readOnly, cache, driver = "9p" }) => !readOnly && cache === "mmap" && driver === "9p",
  );
  for (const share of guarded) void guard(share, signal, onTrouble);
}

// --- internal ---

async function guard(
  { path, folder }: Boot["shares"][number],
  signal: AbortSignal,
  onTrouble: (text: string) => void,
): Promise<void> {
  const littleBytes = littleSpace(totalmem());
  let isSynchronous: boolean | undefined;
  while (!signal.aborted) {
    let freeBytes = Number.POSITIVE_INFINITY;
    try {
      const { bavail, bsize } = await statfs(folder);
      freeBytes = bavail * bsize;
      const isLittle = freeBytes < littleBytes;
      if (isLittle !== isSynchronous) setSynchronous(folder, isLittle);
      isSynchronous = isLittle;
    } catch (error) {
      // A share that the host has deleted: nothing is written to it either.
      onTrouble(`how full the disk of ${path} is, is not known: ${messageOf(error)}`);
    }
    await pause(nextLookMs(freeBytes, littleBytes), signal);
  }
}
