/** Rounds of up and down on a real QEMU, with a guest that boots fast: nothing stays behind, on disk or in memory. */
import { expect } from "bun:test";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ownArch } from "../../src/system/platform.ts";
import { fastGuest } from "../support/fast-guest.ts";
import { processesLeft } from "../support/processes.ts";
import { qnProgram, repository, runProgram } from "../support/program.ts";
import { testWithVm, unbornVm, type Vm } from "../support/vm.ts";

const rounds = Number(process.env["QN_TEST_ROUNDS"] ?? 100);

/** A supervisor has some twenty of its own, and 64 connections that wait for clients. */
const descriptorsMax = 100;

/** A round takes some ten seconds of an emulated guest on a machine with nothing else to do. */
const limitMs = 4 * 3_600_000;

const test = testWithVm(async () => {
  const vm = await unbornVm();
  const image = await fastGuest(join(repository, `dist/e2e/_images/debian-${ownArch()}`), vm.inTmp);
  await mkdir(vm.folder, { recursive: true });
  await writeFile(join(vm.folder, "config.yaml"), `image: ${image}\nmemoryMiB: 512\ncpus: 1\nmounts: []\n`);
  return vm;
});

/** What a running VM takes of this machine: the supervisor's descriptors, and the memory of supervisor and QEMU in MiB. */
type Weight = { readonly descriptors: number; readonly supervisorMiB: number; readonly qemuMiB: number };

async function weightOf(vm: Vm): Promise<Weight> {
  const { supervisor, qemu } = await vm.status();
  return {
    descriptors: (await readdir(`/proc/${supervisor.pid}/fd`)).length,
    supervisorMiB: await residentMiB(supervisor.pid),
    qemuMiB: await residentMiB(qemu.pid),
  };
}

async function residentMiB(pid: number | null): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024);
}

/** Everything in QN_HOME and in the test's other folders, Docker's contexts too. Logs begin anew when they are full. */
async function filesOf(vm: Vm): Promise<string[]> {
  const folders = [vm.home, vm.inHome, vm.inTmp].map((folder) => readdir(folder, { recursive: true }));
  return (await Promise.all(folders))
    .flat()
    .filter((path) => !path.endsWith(".log.1"))
    .toSorted();
}

test(
  `${rounds} rounds of up and down of a real guest leave nothing behind`,
  async (vm) => {
    const weights: Weight[] = [];
    const beganMs = performance.now();
    let files: string[] = [];
    for (let round = 0; round < rounds; round += 1) {
      await vm.qn("up", "--accel", "tcg");
      expect((await vm.status()).state).toBe("running");
      weights.push(await weightOf(vm));
      const down = await runProgram([qnProgram, "down"], { env: vm.env });
      expect([down.exitCode, down.stderr]).toEqual([0, expect.stringContaining("has shut down")]);
      expect(await processesLeft(vm.home)).toEqual([]);
      const now = await filesOf(vm);
      if (round === 0) files = now;
      expect(now).toEqual(files);
      if (round % 10 === 9) console.log(told(round + 1, beganMs, weights));
    }
    const most = (of: (weight: Weight) => number, some: readonly Weight[]): number => Math.max(...some.map(of));
    const [early, late] = [weights.slice(0, 10), weights.slice(-10)];
    // The pool of connections is being filled, which is at another point in each round.
    expect(most(({ descriptors }) => descriptors, weights)).toBeLessThan(descriptorsMax);
    expect(most((each) => each.supervisorMiB, late)).toBeLessThan(1.25 * most((each) => each.supervisorMiB, early));
    expect(most((each) => each.qemuMiB, late)).toBeLessThan(1.25 * most((each) => each.qemuMiB, early));
  },
  limitMs,
);

function told(round: number, beganMs: number, weights: readonly Weight[]): string {
  const seconds = ((performance.now() - beganMs) / 1000 / round).toFixed(1);
  return `${round} rounds, ${seconds} s each; ${JSON.stringify(weights.at(-1))}`;
}
