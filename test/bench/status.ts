/** `qn status --json` and `qn ls --json` beside a compiled Bun program that prints one line: a real supervisor, and no guest. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fakeVm } from "../support/fake-vm.ts";
import { qnProgram, repository, runProgram } from "../support/program.ts";
import { inTurn, type Ratio, ratioOf } from "./figures.ts";
import { taken } from "./launch.ts";

const rounds = 10;
/** Programs of some milliseconds are started so often at a time. */
const runs = 10;

/** The ratios of the times of whole processes: of a VM that runs, and of ten that do not. */
export async function measureStatus(): Promise<Ratio[]> {
  await using vm = await fakeVm("boots");
  await vm.up();
  const program = await oneLine(join(vm.layout.home, "_tools"));
  const env = { QN_HOME: vm.layout.home };
  const ratios = await compared("qn status --json`", [qnProgram, "status", "--json"], env, program);
  const home = join(vm.layout.home, "_tools/home");
  // One of them has wrong settings.
  for (let index = 0; index < 10; index += 1) {
    await mkdir(join(home, `vm${index}`), { recursive: true });
    await Bun.write(join(home, `vm${index}/config.yaml`), index === 5 ? "cpus: none\n" : "cpus: 1\n");
  }
  const list = [qnProgram, "ls", "--json"];
  return [...ratios, ...(await compared("qn ls --json` with 10 VMs", list, { ...env, QN_HOME: home }, program))];
}

// --- internal ---

async function compared(
  what: string,
  command: readonly string[],
  env: Record<string, string>,
  program: string,
): Promise<Ratio[]> {
  const [ours, theirs] = await inTurn(
    rounds,
    () => taken(command, { runs, env }),
    () => taken([program], { runs }),
  );
  return (["wallMs", "processorMs"] as const).map((kind) =>
    ratioOf(
      `\`${what} beside a compiled program that prints one line, ${{ wallMs: "on the clock", processorMs: "of the processors" }[kind]}`,
      [ours.map((each) => each[kind]), theirs.map((each) => each[kind])],
      "ms",
      "at most 3",
    ),
  );
}

/** A compiled program that prints one line in the cheapest way: `process.stdout` would take it three times as long. */
async function oneLine(folder: string): Promise<string> {
  const source = join(folder, "line.ts");
  const program = join(folder, "line");
  await Bun.write(source, 'console.log("one line");\n');
  const bun = join(repository, "node_modules/.bin/bun");
  const built = await runProgram([bun, "build", "--compile", "--bytecode", source, "--outfile", program]);
  if (built.exitCode !== 0) throw new Error(built.stderr);
  return program;
}
