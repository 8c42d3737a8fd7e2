/** The door to what a process was told of its terminal's end (SIGHUP) by whoever started it. */
import { constants } from "node:os";
import { FFIType } from "bun:ffi";
import { lazily } from "../../base/lazily.ts";
import { fromLibrary } from "./library.ts";

/**
 * Whether this process is to outlive its terminal: nohup(1) and its like start programs that ignore SIGHUP. To be asked
 * before anybody listens for that signal, which ends the ignoring.
 */
export const outlivesTerminal: () => boolean = lazily(() => {
  const { signal } = library();
  const before = signal(constants.signals.SIGHUP, SIG_IGN);
  if (before !== SIG_IGN) signal(constants.signals.SIGHUP, before);
  return before === SIG_IGN;
});

// --- internal ---

/** "Ignored", where signal(2) has the address of a function otherwise; the same everywhere. */
const SIG_IGN = 1n;

const library = fromLibrary({ signal: { args: [FFIType.i32, FFIType.u64], returns: FFIType.u64 } });
