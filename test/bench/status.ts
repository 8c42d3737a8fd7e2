/** `qn status --json` and `qn ls --json` beside a compiled Bun program that prints one line. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { qn, repository, runProgram } from "../support/program.ts";
import type { Vm } from "../support/vm.ts";
import { inTurn, ratioLine, timedMs } from "./figures.ts";

const rounds = 40;

/** The ratio of the times of whole processes. */
export async function measureStatus(vm: Vm): Promise<string[]> {
  const program = await oneLine(vm.inTmp);
  const times = await inTurn(
    rounds,
    () => timedMs(() => vm.qn("status", "--json")),
    () => timedMs(() => vm.succeed([program])),
  );
  return [
    ratioLine("qn status --json beside one printed line", times, "ms", "at most 3"),
    ...(await measureList(vm.inTmp)),
  ];
}

/** The same of `qn ls` with 10 VMs, of which one has wrong settings; `folder` is for scratch. */
export async function measureList(folder: string): Promise<string[]> {
  const program = await oneLine(folder);
  const home = join(folder, "home");
  for (let index = 0; index < 10; index += 1) {
    await mkdir(join(home, `vm${index}`), { recursive: true });
    await Bun.write(join(home, `vm${index}/config.yaml`), index === 5 ? "cpus: none\n" : "cpus: 1\n");
  }
  const times = await inTurn(
    rounds,
    () => timedMs(() => qn(home, ["ls", "--json"])),
    () => timedMs(() => runProgram([program])),
  );
  return [ratioLine("qn ls --json with 10 VMs beside one printed line", times, "ms", "at most 3")];
}

// --- internal ---

/** A compiled program that prints one line. */
async function oneLine(folder: string): Promise<string> {
  const source = join(folder, "line.ts");
  const program = join(folder, "line");
  await Bun.write(source, 'process.stdout.write("one line\\n");\n');
  const bun = join(repository, "node_modules/.bin/bun");
  const built = await runProgram([bun, "build", "--compile", "--bytecode", source, "--outfile", program]);
  if (built.exitCode !== 0) throw new Error(built.stderr);
  return program;
}
