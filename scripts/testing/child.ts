/** Runs the programs of a test run one after the other, each in a session of its own, so that none outlives the run. */

const gracePeriodMs = 10_000;

export type ChildOptions = {
  readonly cwd: string;
  readonly env?: Record<string, string | undefined>;
  readonly deadlineMs: number;
  readonly interruption: AbortSignal;
};

/**
 * Runs a program to its end with our own output, and gives its exit status. When the deadline passes or the run is
 * interrupted, the program and all of its session are ended, and the status is not 0.
 */
export async function runChild(command: readonly string[], options: ChildOptions): Promise<number> {
  options.interruption.throwIfAborted();
  const child = Bun.spawn([...command], {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ["ignore", "inherit", "inherit"],
    detached: true,
  });
  let killer: Timer | undefined;
  const end = (why: string): void => {
    console.log(`    ${command[0]} is ended: ${why}`);
    signalSession(child.pid, "SIGTERM");
    killer = setTimeout(() => signalSession(child.pid, "SIGKILL"), gracePeriodMs);
  };
  const interrupted = (): void => end("interrupted");
  options.interruption.addEventListener("abort", interrupted, { once: true });
  const deadline = setTimeout(() => end(`it took more than ${options.deadlineMs / 60_000} min`), options.deadlineMs);
  const status = await child.exited;
  clearTimeout(deadline);
  clearTimeout(killer);
  options.interruption.removeEventListener("abort", interrupted);
  signalSession(child.pid, "SIGKILL");
  return killer === undefined ? status : Math.max(status, 1);
}

// --- internal ---

function signalSession(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody of that session is left.
  }
}
