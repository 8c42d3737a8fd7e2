/** Runs a program that has to succeed. */
import { run } from "../../src/system/process.ts";

/** Runs a program to its end. Throws with what it said on stderr when its exit status is not 0. */
export async function succeed(command: readonly string[], options: { readonly cwd?: string } = {}): Promise<string> {
  const outcome = await run(command, options);
  if (outcome.exitCode !== 0) throw new Error(`${command.join(" ")} failed: ${outcome.stderr.trim()}`);
  return outcome.stdout;
}
