/** The C library itself: the one place that opens it. */
import { dlopen, type FFIFunction } from "bun:ffi";
import { lazily } from "../../base/lazily.ts";
import type { HostOs } from "../../base/words.ts";

/** Its file per system; both are part of every installation. */
const libraries: Record<HostOs, string> = { linux: "libc.so.6", darwin: "libSystem.B.dylib" };

/**
 * Functions of it, loaded at their first use: most commands need none. Throws what the loader says of one that is not
 * there.
 */
export function fromLibrary<Functions extends Record<string, FFIFunction>>(functions: Functions) {
  return lazily(() => dlopen(process.platform === "darwin" ? libraries.darwin : libraries.linux, functions).symbols);
}
