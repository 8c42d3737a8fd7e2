/** Many command lines of qn in one process from its source: a process for each would take a third of a second. */
import { join } from "node:path";
import { type Outcome, repository, runProgram } from "./program.ts";

/** What each of the lines prints and ends with; none may print by Node's streams what another test reads in order. */
export async function runLines(
  lines: readonly (readonly string[])[],
  env: Record<string, string | undefined>,
): Promise<readonly Outcome[]> {
  const program = [process.execPath, join(repository, "test/support/inside/command-lines.ts"), JSON.stringify(lines)];
  const said = await runProgram(program, { env: { ...env, NO_COLOR: "1" } });
  const [out, err] = [said.stdout.split("\0"), said.stderr.split("\0")];
  return lines.map((_line, index) => ({
    stdout: out[index] ?? "",
    stderr: err[2 * index] ?? "",
    exitCode: Number(err[2 * index + 1] ?? "NaN"),
  }));
}
