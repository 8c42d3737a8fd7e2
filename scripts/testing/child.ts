/** Runs the programs of a test run, each in a session of its own, so that none outlives the run. */

const gracePeriodMs = 10_000;

export type ChildOptions = {
  readonly cwd: string;
  readonly env?: Record<string, string | undefined>;
  readonly deadlineMs: number;
  readonly interruption: AbortSignal;
  /** Takes each line of the program's output; without it the output is ours. */
  readonly onLine?: (line: string) => void;
};

/**
 * Runs a program to its end, and gives its exit status. When the deadline passes or the run is
 * interrupted, the program and all of its session are ended, and the status is not 0.
 */
export async function runChild(command: readonly string[], options: ChildOptions): Promise<number> {
  options.interruption.throwIfAborted();
  const { onLine } = options;
  const child = Bun.spawn([...command], {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: onLine === undefined ? ["ignore", "inherit", "inherit"] : ["ignore", "pipe", "pipe"],
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
  const outputs = [child.stdout, child.stderr].filter((output) => output instanceof ReadableStream);
  const shown = Promise.all(outputs.map((output) => eachLine(output, onLine ?? (() => {}))));
  const status = await child.exited;
  clearTimeout(deadline);
  clearTimeout(killer);
  options.interruption.removeEventListener("abort", interrupted);
  signalSession(child.pid, "SIGKILL");
  // What outlives the session must not hold the run up by holding on to the output.
  await Promise.race([shown, Bun.sleep(1000)]);
  return killer === undefined ? status : Math.max(status, 1);
}

// --- internal ---

async function eachLine(output: ReadableStream<Uint8Array>, onLine: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of output) {
    const lines = `${rest}${decoder.decode(bytes, { stream: true })}`.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  }
  if (rest !== "") onLine(rest);
}

function signalSession(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody of that session is left.
  }
}
