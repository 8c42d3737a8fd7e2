/** The argument vectors that start another process of qn. */
import { isCompiled } from "./version.ts";

/** By its path, to be written down and shown. Compiled, qn is its own program; from source, Bun runs the entry file. */
export function selfCommand(): readonly string[] {
  return isCompiled ? [process.execPath] : [process.execPath, Bun.main];
}

/**
 * For this very program, whatever is at its path by now: after an upgrade that is another one, which may not take what
 * this one says, and after a removal none. A Mac has no such name.
 */
export function runningCommand(): readonly string[] {
  return isCompiled && process.platform === "linux" ? ["/proc/self/exe"] : selfCommand();
}
