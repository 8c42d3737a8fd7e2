/** `qn status --json` beside a compiled Bun program that prints one line. */
import { join } from "node:path";
import { repository, runProgram } from "../support/program.ts";
import type { Vm } from "../support/vm.ts";
import { inTurn, ratioLine } from "./figures.ts";

const rounds = 40;

/** The ratio of the times of whole processes. */
export async function measureStatus(vm: Vm): Promise<string[]> {
  const source = join(vm.inTmp, "line.ts");
  const program = join(vm.inTmp, "line");
  await Bun.write(source, 'process.stdout.write("one line\\n");\n');
  const bun = join(repository, "node_modules/.bin/bun");
  const built = await runProgram([bun, "build", "--compile", "--bytecode", source, "--outfile", program]);
  if (built.exitCode !== 0) throw new Error(built.stderr);
  const times = await inTurn(
    rounds,
    () => timed(() => vm.qn("status", "--json")),
    () => timed(() => vm.succeed([program])),
  );
  return [ratioLine("qn status --json beside one printed line", times, "ms", "at most 3")];
}

// --- internal ---

async function timed(action: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await action();
  return performance.now() - begin;
}
