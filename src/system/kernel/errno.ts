/** The number of the error of the C library's last call; it has to be asked for right after the call. */
import { FFIType } from "bun:ffi";
import { fromLibrary } from "./library.ts";
import { viewsOf } from "./memory.ts";

/** What a call has given: its value, or the error's number below zero (-2 is ENOENT). Linux only. */
export function outcome(value: number): number {
  return value < 0 ? -(number?.getInt32(0, true) ?? 0) : value;
}

// --- internal ---

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
