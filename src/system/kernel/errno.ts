/**
 * The number of the error of the C library's last call, as Linux numbers it on every host; it has to be asked for right
 * after the call.
 */
import { FFIType } from "bun:ffi";
import { linuxError } from "./darwin/numbers.ts";
import { fromLibrary } from "./library.ts";
import { viewsOf } from "./memory.ts";

/**
 * Makes a call, and gives its value or the error's number below zero (-2 is ENOENT). A call that has failed has changed
 * nothing, and is made again until two say the same: between a call and the question for errno the engine makes calls
 * of its own on this thread (its collector opens /proc/self/statm, which a confined process is refused).
 */
export function outcome(act: () => number): number {
  knowNumber();
  let error = 0;
  for (let tries = 0; tries < triesMax; tries += 1) {
    const value = act();
    if (value >= 0) return value;
    const before = error;
    error = -lastError();
    if (error === before) break;
  }
  return error;
}

/** The same of a call that must not be made twice: fsync(2) tells of an error once. */
export function outcomeOfOne(act: () => number): number {
  knowNumber();
  const value = act();
  return value < 0 ? -lastError() : value;
}

// --- internal ---

const triesMax = 4;

const isMac = process.platform === "darwin";

const linux = fromLibrary({ __errno_location: { args: [], returns: FFIType.ptr } });
const darwin = fromLibrary({ __error: { args: [], returns: FFIType.ptr } });

/**
 * errno of the thread that runs all JavaScript, at an address that stays. It is asked for before any call: to load what
 * asks opens files and sets errno itself. On Linux at once, since a confined process (landlock.ts) may open none.
 */
let number = isMac ? undefined : addressOfErrno();

function knowNumber(): void {
  number ??= addressOfErrno();
}

function lastError(): number {
  const error = number?.getInt32(0, true) ?? 0;
  return isMac ? linuxError(error) : error;
}

function addressOfErrno(): DataView {
  const address = isMac ? darwin().__error() : linux().__errno_location();
  if (address === null) throw new Error("the C library has no errno");
  return viewsOf(Number(address), 4).view;
}
