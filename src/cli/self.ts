/** The argument vector that starts another process of this very qn. */
import { isCompiled } from "./version.ts";

/** Compiled, qn is its own program; from source, Bun runs the entry file. */
export function selfCommand(): readonly string[] {
  return isCompiled ? [process.execPath] : [process.execPath, Bun.main];
}
