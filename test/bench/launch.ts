/** How long whole programs take as the kernel counts it, with nothing of this program's own in between. */
import { runProgram } from "../support/program.ts";

/** What one run of a program takes: on the clock, and of the processors (user and system time, its helpers' too). */
export type Taken = { readonly wallMs: number; readonly processorMs: number };

/**
 * Bash starts the program `runs` times in a row and says what all took together (bash(1), "time"), which this divides:
 * a spawn of Bun's takes 8 ms, more than some of what is measured, a fork of bash's half of one. Throws when the program
 * fails once.
 */
export async function taken(
  command: readonly string[],
  { runs, env = {} }: { readonly runs: number; readonly env?: Record<string, string> },
): Promise<Taken> {
  const script = `TIMEFORMAT="%R %U %S"; time for ((i = 0; i < ${runs}; i++)); do "$@" >/dev/null 2>&1 || exit 1; done`;
  const { exitCode, stderr } = await runProgram(["bash", "-c", script, "bash", ...command], { env });
  const [real = Number.NaN, user = Number.NaN, system = Number.NaN] = stderr.trim().split(" ").map(Number);
  if (exitCode !== 0 || Number.isNaN(system)) throw new Error(`${command.join(" ")} failed: ${stderr}`);
  return { wallMs: (real * 1000) / runs, processorMs: ((user + system) * 1000) / runs };
}
