/**
 * The door to the kernel's pressure stall information: when tasks wait for a resource (kernel documentation,
 * accounting/psi). Linux only.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { watchUrgent } from "./uring.ts";

/**
 * Calls `onPressure` when tasks have waited for the resource for more than `stallMs` of the last `windowMs` (500 to
 * 10,000), at most once in that time, until closed. Throws when the kernel has no such thing for us.
 */
export function watchPressure(
  resource: "cpu" | "io" | "memory",
  { stallMs, windowMs }: { readonly stallMs: number; readonly windowMs: number },
  onPressure: () => void,
): { close(): void } {
  const fd = openSync(`/proc/pressure/${resource}`, "r+");
  try {
    writeSync(fd, `some ${stallMs * 1000} ${windowMs * 1000}\0`);
    const watch = watchUrgent(fd, onPressure);
    return {
      close() {
        watch.close();
        closeSync(fd);
      },
    };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
