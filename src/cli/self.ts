/** The argument vector that starts another process of this very qn. */

/** Compiled, qn is its own program; from source, Bun runs the entry file. */
export function selfCommand(): readonly string[] {
  // Inside a compiled binary the entry lies in Bun's virtual file system.
  const isCompiled = Bun.main.startsWith("/$bunfs/");
  return isCompiled ? [process.execPath] : [process.execPath, Bun.main];
}
