/** The door to locks: held by a living process, never by the existence of a file. */
import { FFIType } from "bun:ffi";
import { closeSync, fstatSync, openSync, statSync } from "node:fs";
import { QnError } from "../../base/errors.ts";
import { pause } from "../clock.ts";
import { outcome } from "./errno.ts";
import { fromLibrary } from "./library.ts";

/** A lock that is held until `release` or the end of the process, however it ends. */
export type Lock = { release(): void };

/** Takes the lock on `path`, making the file if needed; nothing when another process holds it. */
export function acquireLock(path: string): Lock | undefined {
  // Node opens with O_CLOEXEC, so QEMU, which outlives the supervisor, does not inherit the lock.
  return lockOpened(openSync(path, "a", 0o600), path);
}

/** Takes the lock on a folder that is there; nothing when another process holds it. The lock leaves no file in it. */
export function lockFolder(path: string): Lock | undefined {
  return lockOpened(openSync(path, "r"), path);
}

/**
 * Takes a lock that others hold for some milliseconds at a time, by `take`. Throws VM_BUSY with `what` it is on when
 * somebody holds it for longer.
 */
export async function awaitLock(what: string, take: (path: string) => Lock | undefined = acquireLock): Promise<Lock> {
  for (let tries = 0; tries < awaited.triesMax; tries += 1) {
    const lock = take(what);
    if (lock !== undefined) return lock;
    await pause(awaited.pauseMs);
  }
  throw new QnError("VM_BUSY", `${what} is held by another qn that does not let go of it.`);
}

/** True when some process holds the lock on `path`. */
export function isLocked(path: string): boolean {
  const lock = acquireLock(path);
  lock?.release();
  return lock === undefined;
}

/**
 * Takes an exclusive lock on an open file without waiting (flock(2)); false when another process holds it. Throws
 * HOME_UNUSABLE, which names the path, where there are no locks, as on NFS without its lock daemon.
 */
export function tryLock(fd: number, path: string): boolean {
  const status = outcome(() => library().flock(fd, LOCK_EX | LOCK_NB));
  if (!noLocks.includes(-status)) return status >= 0;
  throw new QnError("HOME_UNUSABLE", `${path} cannot be locked: error ${-status} of flock(2).`, {
    hint: "Its file system has no locks; point QN_HOME at a folder on a disk of this machine.",
  });
}

// --- internal ---

const LOCK_EX = 2;
const LOCK_NB = 4;
/** EBADF, EINVAL, ENOLCK, ENOSYS and EOPNOTSUPP: nobody has it, and nobody ever will. */
const noLocks = [9, 22, 37, 38, 95];

const library = fromLibrary({ flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 } });

const awaited = { triesMax: 500, pauseMs: 10 } as const;

function lockOpened(fd: number, path: string): Lock | undefined {
  let isHeld = false;
  try {
    isHeld = tryLock(fd, path) && isStillAt(fd, path);
  } finally {
    if (!isHeld) closeSync(fd);
  }
  return isHeld ? { release: () => closeSync(fd) } : undefined;
}

/** Whoever had the lock may have taken away what it was on: a lock on that keeps nobody out. */
function isStillAt(fd: number, path: string): boolean {
  const [locked, there] = [fstatSync(fd), statSync(path, { throwIfNoEntry: false })];
  return locked.ino === there?.ino && locked.dev === there.dev;
}
