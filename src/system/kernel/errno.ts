/** The number of the error of the C library's last call; it has to be asked for right after the call. */
import { FFIType } from "bun:ffi";
import { fromLibrary } from "./library.ts";
import { viewsOf } from "./memory.ts";

/**
 * Makes a call, and gives its value or the error's number below zero (-2 is ENOENT). A call that has failed has changed
 * nothing, and is made again until two say the same: between a call and the question for errno the engine makes calls
 * of its own on this thread (its collector opens /proc/self/statm, which a confined process is refused). Linux only.
 */
export function outcome(act: () => number): number {
  let error = 0;
  for (let tries = 0; tries < triesMax; tries += 1) {
    const value = act();
    if (value >= 0) return value;
    const before = error;
    error = outcomeOfOne(value);
    if (error === before) break;
  }
  return error;
}

/** The same of a call that was made and must not be made twice: fsync(2) tells of an error once. */
export function outcomeOfOne(value: number): number {
  return value < 0 ? -(number?.getInt32(0, true) ?? 0) : value;
}

// --- internal ---

const triesMax = 4;

const libc = fromLibrary({ __errno_location: { args: [], returns: FFIType.ptr } });

/**
 * errno of the thread that runs all JavaScript, at an address that stays. It is asked for before any call: to load what
 * asks opens files, and a confined process (landlock.ts) would read what came of that.
 */
const number = process.platform === "linux" ? addressOfErrno() : undefined;

function addressOfErrno(): DataView {
  const address = libc().__errno_location();
  if (address === null) throw new Error("the C library has no errno");
  return viewsOf(Number(address), 4).view;
}
