/** Commands that have the terminal: ssh into the guest. */

/** How one ended: with which status, and whether a signal had asked for its end. */
export type Ending = { readonly exitCode: number; readonly isAskedFor: boolean };

/**
 * Runs a command with this one's input, output and terminal, and passes on the signals that would end this one. It works in the root
 * folder: a connection that it leaves open for the next one must not hold the folder that a person is in.
 */
export async function handOver(words: readonly string[]): Promise<Ending> {
  const child = Bun.spawn([...words], { cwd: "/", stdio: ["inherit", "inherit", "inherit"] });
  let isAskedFor = false;
  const hear = (name: NodeJS.Signals): void => {
    isAskedFor = true;
    // The terminal's own signals reach it by themselves, being in the same process group; this process only outlives it.
    if (name === "SIGTERM" || name === "SIGHUP") child.kill(name);
  };
  for (const name of ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP"] as const) process.on(name, hear);
  return { exitCode: await child.exited, isAskedFor };
}
