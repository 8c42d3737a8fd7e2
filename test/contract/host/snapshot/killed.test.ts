/** Commands about snapshots that are killed at any moment: the VM is what it was before, or what it would be after. */
import { expect } from "bun:test";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { hashOf } from "../../../../src/host/image/store.ts";
import { deleteVmFiles } from "../../../../src/host/lifecycle/delete.ts";
import { whileStopped } from "../../../../src/host/lifecycle/while-stopped.ts";
import { createSnapshot } from "../../../../src/host/snapshot/create.ts";
import { snapshotNames } from "../../../../src/host/snapshot/names.ts";
import { removeSnapshot, restoreSnapshot } from "../../../../src/host/snapshot/restore.ts";
import { isThere } from "../../../../src/system/files.ts";
import { isLocked } from "../../../../src/system/kernel/lock.ts";
import { type Chance, testWithChance } from "../../../support/chance.ts";
import { processesLeft } from "../../../support/processes.ts";
import type { SnapshotAction } from "../../../support/snapshot-run.ts";
import { until } from "../../../support/until.ts";
import { type StoppedVm, stoppedVm, type VmSeen } from "../../../support/stopped-vm.ts";

const moments = 10;

/** An action, and the name or file that it is about. */
type Words = readonly [SnapshotAction, string];

/** Runs the action in a process, killed so long after it began; gives back how long it took when it was not. */
async function acted(vm: StoppedVm, words: Words, killAfterMs?: number): Promise<number> {
  const script = join(import.meta.dir, "../../../support/snapshot-run.ts");
  const child = Bun.spawn([process.execPath, script, vm.home, ...words], {
    env: vm.env,
    stdout: "pipe",
    stderr: "pipe",
  });
  const reader = child.stdout.getReader();
  await reader.read();
  const begin = performance.now();
  if (killAfterMs !== undefined) {
    await Bun.sleep(killAfterMs);
    child.kill("SIGKILL");
  }
  await child.exited;
  const tookMs = performance.now() - begin;
  if (killAfterMs === undefined && child.exitCode !== 0) throw new Error(await new Response(child.stderr).text());
  // What a killed command has started ends by itself. Killed while it starts one, that one has the lock for a moment:
  // exec(2) closes it late, when the process has no words to be found by.
  expect(await processesLeft(vm.home)).toEqual([]);
  await until("the lock of the killed command", 5_000, () => (isLocked(vm.paths.lock) ? undefined : true));
  return tookMs;
}

/** The VM as the next command finds it. */
async function settled(vm: StoppedVm): Promise<VmSeen> {
  return await whileStopped(vm.paths, vm.env, () => vm.seen());
}

/** Kills `words` at moments that chance chooses; each time `renewed` makes the state before, and `ends` says what may be. */
async function killedOften(
  vm: StoppedVm,
  chance: Chance,
  words: Words,
  renewed: () => Promise<{ readonly old: VmSeen; readonly next: VmSeen }>,
): Promise<void> {
  await renewed();
  const wholeMs = await acted(vm, words);
  const seen: string[] = [];
  for (let moment = 0; moment < moments; moment += 1) {
    const { old, next } = await renewed();
    const killAfterMs = chance.below(Math.ceil(wholeMs * 1.1));
    await acted(vm, words, killAfterMs);
    const now = await settled(vm);
    const isOld = Bun.deepEquals(now, old);
    if (!isOld) expect({ killAfterMs, ...now }).toEqual({ killAfterMs, ...next });
    seen.push(isOld ? "old" : "new");
    // Nothing half done is left, and nothing that no snapshot needs.
    expect((await vm.files()).filter((path) => /\/\.(?!qn)/.test(path))).toEqual([]);
  }
  console.log(`${words.join(" ")}: ${wholeMs.toFixed(0)} ms, killed ${moments} times, left ${seen.join(" ")}`);
}

testWithChance(
  "a snapshot whose making is killed is there or not, and the VM is as it was",
  async (chance) => {
    await using vm = await stoppedVm();
    await killedOften(vm, chance, ["create", "second"], async () => {
      for (const name of snapshotNames(vm.paths)) await removeSnapshot(vm.paths, name);
      await createSnapshot(vm.paths, "first", 1);
      await vm.change(1 + chance.below(200), 64 * chance.below(48));
      const old = await vm.seen();
      return { old, next: { ...old, snapshots: ["first", "second"] } };
    });
  },
  240_000,
);

testWithChance(
  "a VM whose return to a snapshot is killed is what it was, or what it was then",
  async (chance) => {
    await using vm = await stoppedVm();
    const then = await vm.seen();
    await createSnapshot(vm.paths, "first", 1);
    await killedOften(vm, chance, ["restore", "first"], async () => {
      await vm.change(2 + chance.below(200), 64 * chance.below(48));
      const old = await vm.seen();
      return { old, next: { ...then, snapshots: ["first"] } };
    });
  },
  240_000,
);

testWithChance(
  "a removal that is killed leaves the VM and every other snapshot as they were",
  async (chance) => {
    await using vm = await stoppedVm();
    let inLast: VmSeen | undefined;
    await killedOften(vm, chance, ["rm", "middle"], async () => {
      if (inLast !== undefined) {
        // What was killed last time has harmed none of the other snapshots.
        await restoreSnapshot(vm.paths, "last");
        expect({ ...(await vm.seen()), snapshots: [] }).toEqual({ ...inLast, snapshots: [] });
      }
      for (const name of snapshotNames(vm.paths)) await removeSnapshot(vm.paths, name);
      for (const name of ["first", "middle", "last"]) {
        await vm.change(1 + chance.below(200), 64 * chance.below(48));
        await createSnapshot(vm.paths, name, 1);
      }
      inLast = await vm.seen();
      await vm.change(1 + chance.below(200), 64 * chance.below(48));
      const old = await vm.seen();
      return { old, next: { ...old, snapshots: ["first", "last"] } };
    });
    for (const name of snapshotNames(vm.paths)) await removeSnapshot(vm.paths, name);
    expect((await vm.files()).filter((path) => path.startsWith("_data"))).toEqual(["_data/default.raw"]);
  },
  240_000,
);

testWithChance(
  "an export that is killed leaves a whole file or none, and an import a whole VM or none",
  async (chance) => {
    await using vm = await stoppedVm();
    const [file, web] = [join(vm.home, "_out"), vm.layout.vm("web")];
    // Enough to take a moment.
    for (let at = 1024; at < 4032; at += 64) await vm.change(chance.below(256), at);
    const { data } = await vm.seen();
    const outcomes: string[] = [];
    const exportMs = await acted(vm, ["export", file]);
    const importMs = await acted(vm, ["import", file]);
    const forget = async (): Promise<void> => {
      await whileStopped(web, vm.env, async () => {});
      expect(await hashOf(web.dataDisk)).toBe(data);
      await deleteVmFiles(web, vm.env, { data: true, force: false });
    };
    await forget();
    for (let moment = 0; moment < moments; moment += 1) {
      await rm(file);
      await acted(vm, ["export", file], chance.below(Math.ceil(exportMs * 1.1)));
      const isWritten = await isThere(file);
      if (!isWritten) await acted(vm, ["export", file]);
      await acted(vm, ["import", file], chance.below(Math.ceil(importMs * 1.1)));
      const isMade = await isThere(web.folder);
      // Whoever comes next finds the whole VM, or makes it.
      if (!isMade) await acted(vm, ["import", file]);
      await forget();
      outcomes.push(`${isWritten ? "file" : "none"}/${isMade ? "VM" : "none"}`);
    }
    expect((await readdir(vm.layout.data)).toSorted()).toEqual(["default.raw"]);
    console.log(`export ${exportMs.toFixed(0)} ms, import ${importMs.toFixed(0)} ms: ${outcomes.join(" ")}`);
  },
  240_000,
);
