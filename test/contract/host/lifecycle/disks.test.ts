/** A VM's own disks from the settings to their files: on a VM that runs and on one that does not, and past kill -9. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { cloneVm, renameVm } from "../../../../src/host/lifecycle/clone.ts";
import { deleteVmFiles } from "../../../../src/host/lifecycle/delete.ts";
import { addDisk, listDisks, removeDisk } from "../../../../src/host/lifecycle/disks.ts";
import { takeDown } from "../../../../src/host/lifecycle/down.ts";
import { statusOfVm } from "../../../../src/host/lifecycle/status.ts";
import { volumeFile, type VmPaths } from "../../../../src/host/layout.ts";
import { effectiveConfig } from "../../../../src/host/vm/settings.ts";
import { isThere } from "../../../../src/system/files.ts";
import { isLocked, lockFolder } from "../../../../src/system/kernel/lock.ts";
import { failureOf } from "../../../support/failures.ts";
import { fakeVm, type FakeVm, linesWith, programsMs } from "../../../support/fake-vm.ts";
import { processesLeft } from "../../../support/processes.ts";
import { type Outcome, repository, runProgram } from "../../../support/program.ts";
import { until } from "../../../support/until.ts";

setDefaultTimeout(programsMs);

const GiB = 1024 ** 3;
const program = [process.execPath, join(repository, "src/main.ts")];

/** A `qn` command on that VM's QN_HOME, as a process of its own. */
async function qn(vm: FakeVm, ...words: readonly string[]): Promise<Outcome> {
  return await runProgram([...program, ...words], { env: { ...vm.env, QN_HOME: vm.layout.home, NO_COLOR: "1" } });
}

async function sizeGiB(path: string): Promise<number> {
  return (await stat(path)).size / GiB;
}

/** What the settings say and what the data disk has, in GiB. */
async function sizes({ paths, env }: FakeVm): Promise<{ set: number; has: number }> {
  return { set: (await effectiveConfig(paths, env)).config.diskGiB, has: await sizeGiB(paths.dataDisk) };
}

async function stopped(vm: FakeVm): Promise<void> {
  await vm.up();
  await takeDown(vm.paths, { force: true });
}

test("config set makes the disk of a VM that runs larger at once, and the guest's file system with it", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  const { qemu } = await statusOfVm(vm.paths, vm.env);
  const set = await qn(vm, "config", "set", "diskGiB=9");
  expect([set.exitCode, await sizes(vm)]).toEqual([0, { set: 9, has: 9 }]);
  expect(set.stderr).toEndWith("  diskGiB is 9, from now on\n  the data disk has 9 GiB now, and so has the guest\n");
  expect((await statusOfVm(vm.paths, vm.env)).qemu.pid).toBe(qemu.pid);
});

test("a disk never shrinks, whether its VM runs or not, and the settings stay what they were", async () => {
  await using vm = await fakeVm("boots");
  await vm.up({ flags: { mounts: [], cpus: 1, memoryMiB: 512, diskGiB: 5 } });
  const text = await Bun.file(vm.paths.config).text();
  for (const isRunning of [true, false]) {
    if (!isRunning) await takeDown(vm.paths, { force: true });
    const { exitCode, stderr } = await qn(vm, "config", "set", "diskGiB=4", "cpus=2");
    expect([isRunning, exitCode, await Bun.file(vm.paths.config).text()]).toEqual([isRunning, 24, text]);
    expect(stderr).toContain("has 5 GiB and cannot shrink to 4 GiB. [DISK_FAILED]");
    expect(stderr).toContain("Set diskGiB to at least what it has");
    expect(await sizes(vm)).toEqual({ set: 5, has: 5 });
  }
});

test("a VM that is down has the larger disk at its next start", async () => {
  await using vm = await fakeVm("boots");
  await stopped(vm);
  const set = await qn(vm, "config", "set", "diskGiB=7");
  expect([set.exitCode, set.stderr.split("\n").at(-2)]).toEqual([0, "  diskGiB is 7, from the next start on"]);
  expect(await sizes(vm)).toEqual({ set: 7, has: 2 });
  await vm.up({ flags: { mounts: [], cpus: 1, memoryMiB: 512 } });
  expect(await sizes(vm)).toEqual({ set: 7, has: 7 });
});

test("what QEMU refuses leaves the settings as they were", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  const text = await Bun.file(vm.paths.config).text();
  const { exitCode, stderr } = await qn(vm, "config", "set", "diskGiB=2000");
  expect([exitCode, await Bun.file(vm.paths.config).text(), (await sizes(vm)).has]).toEqual([30, text, 2]);
  expect(stderr).toContain("Failed to resize: Error: File too large");
});

test("a growth of which a supervisor died in the middle is made good by the next one, beside the same QEMU", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  const { supervisor, qemu } = await statusOfVm(vm.paths, vm.env);
  process.kill(supervisor.pid ?? 0, "SIGKILL");
  while (isLocked(vm.paths.lock)) await new Promise((resolve) => setImmediate(resolve));
  // Nobody is there to ask: the settings alone say so.
  expect((await qn(vm, "config", "set", "diskGiB=6")).exitCode).toBe(0);
  expect(await sizes(vm)).toEqual({ set: 6, has: 2 });
  await vm.up({ flags: {} });
  await until("the larger disk", 20_000, async () => ((await sizes(vm)).has === 6 ? true : undefined));
  expect((await statusOfVm(vm.paths, vm.env)).qemu.pid).toBe(qemu.pid);
});

test("a config set that is killed at any moment leaves settings and a disk that a start makes fit", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  for (let round = 0; round < 10; round += 1) {
    const wanted = 3 + round;
    const child = Bun.spawn([...program, "config", "set", `diskGiB=${wanted}`], {
      env: { ...vm.env, QN_HOME: vm.layout.home },
      stdio: ["ignore", "ignore", "ignore"],
    });
    await Promise.race([child.exited, Bun.sleep(30 * round + Math.random() * 100)]);
    child.kill("SIGKILL");
    await child.exited;
    const { set, has } = await sizes(vm);
    // The old settings with the old disk, or the new ones with either: never a disk that would have to shrink.
    expect(set).toBeGreaterThanOrEqual(has);
    const whole = await qn(vm, "config", "set", `diskGiB=${wanted}`);
    expect([whole.exitCode, await sizes(vm)]).toEqual([0, { set: wanted, has: wanted }]);
  }
});

test("two changes at once are one after the other, or one is told to wait, and what is set is what there is", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  const both = await Promise.all([qn(vm, "config", "set", "diskGiB=11"), qn(vm, "config", "set", "diskGiB=12")]);
  for (const { exitCode } of both) expect([0, 24, 41]).toContain(exitCode);
  expect(both.some(({ exitCode }) => exitCode === 0)).toBe(true);
  const { set, has } = await sizes(vm);
  expect(set).toBe(has);
  const turn = lockFolder(vm.paths.folder);
  expect((await qn(vm, "config", "set", "diskGiB=20")).exitCode).toBe(41);
  turn?.release();
});

test("a further disk is made at the start, known to the guest, listed, and grown like the data disk", async () => {
  await using vm = await fakeVm("boots");
  await stopped(vm);
  expect(await qn(vm, "disk", "add", "db", "3")).toMatchObject({ exitCode: 0 });
  const file = volumeFile(vm.paths, "db");
  const db = { name: "db", folder: "/var/lib/qn-disks/db", file, sizeBytes: 3 * GiB, usedBytes: 0 };
  expect((await listDisks(vm.paths, vm.env)).at(-1)).toEqual({ ...db, state: "new" });
  await vm.up({ flags: {} });
  expect((await listDisks(vm.paths, vm.env)).map(({ name, state }) => `${name} ${state}`)).toEqual([
    "data made",
    "db made",
  ]);
  expect(await sizeGiB(file)).toBe(3);
  const grown = await qn(vm, "config", "set", "volumes=[{ name: db, sizeGiB: 8 }]");
  expect(grown.stderr).toContain('  the disk "db" has 8 GiB now, and so has the guest\n');
  expect(await sizeGiB(file)).toBe(8);
  expect((await qn(vm, "config", "set", "volumes=[{ name: db, sizeGiB: 7 }]")).exitCode).toBe(24);
});

test("a disk is there at its VM's first start; removed it keeps its data unless told otherwise, and comes back with it", async () => {
  await using vm = await fakeVm("boots");
  await addDisk(vm.paths, vm.env, "db", 1);
  await vm.up();
  const file = volumeFile(vm.paths, "db");
  await Bun.write(Bun.file(file), "stored");
  await truncate(file, GiB);
  // In use: its data cannot be deleted under the guest.
  const inUse = await failureOf(() => removeDisk(vm.paths, vm.env, "db", { data: true }));
  expect([inUse.code, await isThere(file)]).toEqual(["VM_RUNNING", true]);
  const { supervisor } = await statusOfVm(vm.paths, vm.env);
  process.kill(supervisor.pid ?? 0, "SIGKILL");
  while (isLocked(vm.paths.lock)) await new Promise((resolve) => setImmediate(resolve));
  // QEMU lives on, and has it open.
  expect((await failureOf(() => removeDisk(vm.paths, vm.env, "db", { data: true }))).code).toBe("VM_RUNNING");
  expect(await removeDisk(vm.paths, vm.env, "db", { data: false })).toEqual({ keptFile: file });
  await takeDown(vm.paths, { force: true });
  expect((await listDisks(vm.paths, vm.env)).at(-1)).toMatchObject({ name: "db", state: "kept" });
  expect(await addDisk(vm.paths, vm.env, "db", 1)).toBe(true);
  expect(await Bun.file(file).slice(0, 6).text()).toBe("stored");
  expect(await removeDisk(vm.paths, vm.env, "db", { data: false })).toEqual({ keptFile: file });
  expect(await removeDisk(vm.paths, vm.env, "db", { data: true })).toEqual({ keptFile: undefined });
  expect([await isThere(file), (await listDisks(vm.paths, vm.env)).length]).toEqual([false, 1]);
  expect((await failureOf(() => removeDisk(vm.paths, vm.env, "db", { data: true }))).code).toBe("NO_SUCH_DISK");
});

test("names of disks that would be another disk's, a path or too long are refused, and two of one name", async () => {
  await using vm = await fakeVm("boots");
  await stopped(vm);
  const before = await vm.files();
  for (const name of ["data", "system", "../../x", "a/b", "Db", "-db", "db-", "", "d".repeat(17), "a,b=c"]) {
    expect([name, (await failureOf(() => addDisk(vm.paths, vm.env, name, 1))).code]).toEqual([name, "CONFIG_INVALID"]);
    expect([name, (await failureOf(() => removeDisk(vm.paths, vm.env, name, { data: true }))).code]).toEqual([
      name,
      "NO_SUCH_DISK",
    ]);
  }
  await addDisk(vm.paths, vm.env, "d".repeat(16), 1);
  expect((await failureOf(() => addDisk(vm.paths, vm.env, "d".repeat(16), 1))).code).toBe("USAGE");
  const twice = await qn(vm, "config", "set", "volumes=[{ name: a, sizeGiB: 1 }, { name: a, sizeGiB: 2 }]");
  expect([twice.exitCode, twice.stderr.includes("must not name a disk twice")]).toEqual([5, true]);
  expect(await vm.files()).toEqual(before);
});

test("further disks go where their VM goes: cloned, renamed, kept and deleted with it", async () => {
  await using vm = await fakeVm("boots");
  await stopped(vm);
  await addDisk(vm.paths, vm.env, "db", 1);
  await vm.up({ flags: {} });
  await takeDown(vm.paths, { force: true });
  await Bun.write(Bun.file(volumeFile(vm.paths, "db")), "stored");
  const [web, shop] = [vm.layout.vm("web"), vm.layout.vm("shop")];
  await cloneVm(vm.paths, web, vm.env);
  await renameVm(web, shop, vm.env, () => {});
  const stored = async (paths: VmPaths): Promise<string> => await Bun.file(volumeFile(paths, "db")).text();
  expect([await stored(vm.paths), await stored(shop), await isThere(web.volumes)]).toEqual(["stored", "stored", false]);
  expect(await deleteVmFiles(shop, vm.env, { data: false, force: false })).toBe(true);
  expect(await stored(shop)).toBe("stored");
  expect((await failureOf(() => cloneVm(vm.paths, shop, vm.env))).code).toBe("VM_EXISTS");
  expect(await deleteVmFiles(shop, vm.env, { data: true, force: false })).toBe(false);
  expect([await isThere(shop.volumes), await isThere(shop.dataDisk)]).toEqual([false, false]);
});

test("a size that a flag asks for is kept, also where settings were there before the VM was", async () => {
  await using vm = await fakeVm("boots");
  expect((await qn(vm, "config", "set", "diskGiB=5", "cpus=1", "memoryMiB=512", "mounts=[]")).exitCode).toBe(0);
  for (const diskGiB of [9, 11]) {
    await vm.up({ flags: { diskGiB } });
    await takeDown(vm.paths, { force: true });
    expect(await sizes(vm)).toEqual({ set: diskGiB, has: diskGiB });
    expect(await vm.up({ flags: {} })).toBe("started");
    await takeDown(vm.paths, { force: true });
  }
});

test("of two disks of which one cannot grow, the settings have what each has then", async () => {
  await using vm = await fakeVm("boots");
  await stopped(vm);
  await addDisk(vm.paths, vm.env, "db", 1);
  await vm.up({ flags: {} });
  const { exitCode } = await qn(vm, "config", "set", "diskGiB=9", "volumes=[{ name: db, sizeGiB: 2000 }]", "cpus=2");
  const { config } = await effectiveConfig(vm.paths, vm.env);
  expect([exitCode, await sizes(vm), config.volumes]).toEqual([30, { set: 9, has: 9 }, [{ name: "db", sizeGiB: 1 }]]);
  expect(config.cpus).toBe(1);
  await takeDown(vm.paths, { force: true });
  expect(await vm.up({ flags: {} })).toBe("started");
});

test("settings for a VM that is not there yet do not shrink the data that an earlier one has left", async () => {
  await using vm = await fakeVm("boots");
  await vm.up({ flags: { mounts: [], cpus: 1, memoryMiB: 512, diskGiB: 5 } });
  await takeDown(vm.paths, { force: true });
  await deleteVmFiles(vm.paths, vm.env, { data: false, force: false });
  expect((await qn(vm, "config", "set", "diskGiB=4")).exitCode).toBe(24);
  expect(await isThere(vm.paths.folder)).toBe(false);
  expect((await qn(vm, "config", "set", "diskGiB=6")).exitCode).toBe(0);
});

test("settings of all VMs by which the disk of one would shrink are refused, and others are not", async () => {
  await using vm = await fakeVm("boots");
  await Bun.write(vm.paths.commonConfig, "diskGiB: 5\n");
  await vm.up({ flags: { mounts: [], cpus: 1, memoryMiB: 512 } });
  await takeDown(vm.paths, { force: true });
  const refused = await qn(vm, "config", "set", "--all", "diskGiB=4");
  expect([refused.exitCode, await Bun.file(vm.paths.commonConfig).text()]).toEqual([24, "diskGiB: 5\n"]);
  expect(refused.stderr).toContain("has 5 GiB and cannot shrink to 4 GiB.");
  expect((await qn(vm, "config", "unset", "--all", "diskGiB")).exitCode).toBe(0);
  expect((await qn(vm, "config", "set", "--all", "cpus=1")).exitCode).toBe(0);
  // Its own settings are too small as it is: that is not for others to mend.
  await Bun.write(vm.paths.config, "diskGiB: 3\n");
  expect((await qn(vm, "config", "set", "--all", "diskGiB=4")).exitCode).toBe(0);
});

test("a start that fails takes away the disks that it has made, and no other ones", async () => {
  await using vm = await fakeVm("exits");
  await Bun.write(vm.paths.commonConfig, "volumes: [{ name: db, sizeGiB: 1 }]\n");
  expect((await failureOf(() => vm.up())).code).toBe("QEMU_FAILED");
  expect([await isThere(vm.paths.volumes), await processesLeft(vm.paths.folder)]).toEqual([false, []]);
  expect(await linesWith(vm.paths.commonConfig, "db")).toHaveLength(1);
});
