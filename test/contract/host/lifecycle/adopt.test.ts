/** Supervisors that are killed beside a living QEMU, and VMs that are deleted. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { deleteVmFiles } from "../../../../src/host/lifecycle/delete.ts";
import { takeDown } from "../../../../src/host/lifecycle/down.ts";
import { statusOfVm } from "../../../../src/host/lifecycle/status.ts";
import { isLocked } from "../../../../src/system/kernel/lock.ts";
import { dockerApi } from "../../../../src/system/docker-api.ts";
import { failureOf } from "../../../support/failures.ts";
import {
  type FakeVm,
  fakeVm,
  isDegraded,
  linesWith,
  processesWith,
  programsMs,
  stateOf,
  upCalledOffIn,
} from "../../../support/fake-vm.ts";
import { processesLeft } from "../../../support/processes.ts";
import { repository, runProgram } from "../../../support/program.ts";
import { until } from "../../../support/until.ts";

setDefaultTimeout(programsMs);

/** Kills the VM's supervisor; its QEMU's process, which lives on. */
async function orphaned(vm: FakeVm): Promise<number | null> {
  await vm.up();
  const { qemu, supervisor } = await statusOfVm(vm.paths, vm.env);
  const pid = supervisor.pid ?? 0;
  process.kill(pid, "SIGKILL");
  await goneFrom(vm);
  return qemu.pid;
}

/** Resolves when nobody holds the VM's lock: the kernel lets go of it with the process. */
async function goneFrom(vm: FakeVm): Promise<void> {
  while (isLocked(vm.paths.lock)) await new Promise((resolve) => setImmediate(resolve));
}

test("a QEMU whose supervisor was killed is seen, taken over and served as before", async () => {
  await using vm = await fakeVm("boots");
  const pid = await orphaned(vm);
  const reason = "The supervisor has died; QEMU lives on. `qn up` takes it over.";
  expect(await stateOf(vm)).toEqual({ state: "degraded", reason });
  vm.told.length = 0;
  expect([await vm.up(), vm.told]).toEqual(["started", ["phase image", "phase agent", "phase docker", "running"]]);
  const { state, qemu, docker } = await statusOfVm(vm.paths, vm.env);
  expect([state, qemu.pid, docker.reachable]).toEqual(["running", pid, true]);
  expect(await dockerApi(vm.paths.dockerSocket).containers()).toEqual([]);
  expect(await takeDown(vm.paths, { force: false })).toBe("stopped");
  expect(await processesLeft(vm.paths.folder)).toEqual([]);
});

test("a QEMU that cannot be taken over, for settings that were broken meanwhile, waits for one who can", async () => {
  await using vm = await fakeVm("boots");
  const pid = await orphaned(vm);
  const settings = await Bun.file(vm.paths.config).text();
  await Bun.write(vm.paths.config, "cpus: none\n");
  // As a service starts it: `qn up` would refuse the settings before.
  const program = join(repository, "src/main.ts");
  const outcome = await runProgram([process.execPath, program, "supervise", "default"], {
    env: { ...vm.env, QN_HOME: vm.layout.home },
  });
  expect([outcome.exitCode, existsSync(vm.paths.qmpSocket)]).toEqual([5, true]);
  await Bun.write(vm.paths.config, settings);
  expect(await vm.up()).toBe("started");
  const { state, qemu } = await statusOfVm(vm.paths, vm.env);
  expect([state, qemu.pid]).toEqual(["running", pid]);
});

/** Lets the guest and QEMU itself say the next word, and waits until they have. */
async function say(vm: FakeVm, pid: number | null, word: number): Promise<void> {
  process.kill(pid ?? 0, "SIGWINCH");
  await until("the word", 20_000, () => existsSync(`${vm.paths.serialSocket}.said-${word}`) || undefined);
}

test("what a guest says while it has no supervisor is kept nowhere, and the next one hears it again", async () => {
  await using vm = await fakeVm("boots");
  const pid = await orphaned(vm);
  await say(vm, pid, 1);
  await vm.up();
  await say(vm, pid, 2);
  const { serial } = vm.paths.logs;
  await until("the second word", 20_000, async () => (await linesWith(serial, "word 2"))[0]);
  expect(await linesWith(serial, "word")).toEqual(["word 2"]);
});

test("what a QEMU says itself while it has no supervisor is kept nowhere, and the next one hears it again", async () => {
  await using vm = await fakeVm("boots");
  const pid = await orphaned(vm);
  await say(vm, pid, 1);
  await vm.up();
  await say(vm, pid, 2);
  await until("its second word", 20_000, async () => (await linesWith(vm.paths.logs.qemu, "own word 2"))[0]);
  expect(await linesWith(vm.paths.logs.qemu, "word")).toEqual(["own word 2"]);
});

test("a QEMU of an older qn, which writes its console's log itself, is taken over as it is", async () => {
  await using vm = await fakeVm("logs-console");
  const pid = await orphaned(vm);
  expect(await vm.up()).toBe("started");
  process.kill(pid ?? 0, "SIGINT");
  await isDegraded(vm, "The guest's kernel could not go on; the guest starts anew.");
  expect(await linesWith(vm.paths.logs.serial, "Kernel panic")).toHaveLength(1);
});

test("a QEMU whose supervisor was killed is shut down cleanly without one", async () => {
  await using vm = await fakeVm("boots");
  await orphaned(vm);
  expect(await takeDown(vm.paths, { force: false })).toBe("stopped");
  expect(await linesWith(vm.paths.logs.qemu, "power button")).toEqual(["power button"]);
  expect(await stateOf(vm)).toEqual({ state: "stopped", reason: null });
  const left = (await vm.files()).filter((path) => /credential|(docker|qmp)\.sock/.test(path));
  expect(left).toEqual([]);
});

test("a QEMU whose supervisor was killed and that does not even quit is killed", async () => {
  await using vm = await fakeVm("ignores-all");
  await orphaned(vm);
  expect(await takeDown(vm.paths, { force: true })).toBe("forced");
  expect(await processesLeft(vm.paths.folder)).toEqual([]);
});

test("a supervisor and a QEMU that were both killed leave nothing that stands in the way", async () => {
  await using vm = await fakeVm("boots");
  process.kill((await orphaned(vm)) ?? 0, "SIGKILL");
  expect(await vm.up()).toBe("started");
  expect(await stateOf(vm)).toEqual({ state: "running", reason: null });
});

test("a QEMU whose boot nobody remembers is replaced", async () => {
  await using vm = await fakeVm("boots");
  const pid = await orphaned(vm);
  await Bun.write(vm.paths.bootFile, "{");
  expect(await vm.up()).toBe("started");
  const { state, qemu } = await statusOfVm(vm.paths, vm.env);
  expect([state, qemu.pid === pid]).toEqual(["running", false]);
  expect(await processesWith(vm.paths.qmpSocket)).toHaveLength(1);
});

test("a VM that runs is deleted only by force, and its data only when told so", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  const gently = { data: false, force: false };
  expect(await failureOf(() => deleteVmFiles(vm.paths, vm.env, gently))).toEqual({
    code: "VM_RUNNING",
    message: 'The VM "default" is running.',
  });
  expect(await deleteVmFiles(vm.paths, vm.env, { data: false, force: true })).toBe(true);
  expect([await vm.files(), await processesLeft(vm.paths.folder)]).toEqual([
    ["_data", "_data/default.raw", "ssh_config"],
    [],
  ]);
  expect((await failureOf(() => deleteVmFiles(vm.paths, vm.env, gently))).code).toBe("NO_SUCH_VM");
  await deleteVmFiles(vm.paths, vm.env, { data: true, force: false });
  expect(existsSync(vm.paths.dataDisk)).toBe(false);
});

test("a VM that was deleted finds its data again", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  await takeDown(vm.paths, { force: false });
  await deleteVmFiles(vm.paths, vm.env, { data: false, force: false });
  const { ino } = await Bun.file(vm.paths.dataDisk).stat();
  await vm.up();
  expect((await Bun.file(vm.paths.dataDisk).stat()).ino).toBe(ino);
});

test("the first start that fails takes no data of an older VM along", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  await takeDown(vm.paths, { force: true });
  await deleteVmFiles(vm.paths, vm.env, { data: false, force: false });
  await vm.behave("exits");
  expect((await failureOf(() => vm.up())).code).toBe("QEMU_FAILED");
  expect(await vm.files()).toEqual(["_data", "_data/default.raw", "ssh_config"]);
});

test("a takeover that is called off leaves QEMU to the next one", async () => {
  await using vm = await fakeVm("boots");
  const pid = await orphaned(vm);
  expect((await failureOf(() => vm.up({ signal: AbortSignal.abort() }))).code).toBe("INTERRUPTED");
  expect((await stateOf(vm)).state).toBe("degraded");
  expect(await vm.up()).toBe("started");
  const { state, qemu } = await statusOfVm(vm.paths, vm.env);
  expect([state, qemu.pid]).toEqual(["running", pid]);
});

test("a takeover that is called off while it is under way leaves QEMU to the next one too", async () => {
  await using vm = await fakeVm("boots");
  const pid = await orphaned(vm);
  // It may have been done by the time that it was called off.
  await upCalledOffIn(vm, "phase agent").catch((error: unknown) => {
    expect(error).toMatchObject({ code: "INTERRUPTED" });
  });
  await vm.up();
  const { state, qemu } = await statusOfVm(vm.paths, vm.env);
  expect([state, qemu.pid]).toEqual(["running", pid]);
});

/**
 * A service that is just taking over what `orphaned` has left: it asks this machine's QEMU what that can, and is
 * answered when it is let go, or never well.
 */
async function adopting(vm: FakeVm, answers: boolean) {
  await orphaned(vm);
  const tools = join(vm.layout.home, "_tools");
  const [asked, holds] = [join(tools, "asked"), join(tools, "holds")];
  await Bun.write(holds, "");
  const qemu = await Bun.file(join(tools, "qemu")).text();
  const wait = `: > ${asked}\nwhile [ -e ${holds} ]; do sleep 0.05; done\n${answers ? "" : "exit 1\n"}`;
  await Bun.write(join(tools, "qemu"), qemu.replace("exec", `${wait}exec`));
  await rm(vm.layout.cache, { recursive: true, force: true });
  const { folder, logs } = vm.paths;
  await Bun.write(logs.supervisor, "");
  const log = Bun.file(logs.supervisor);
  const command = [...vm.supervisorWith({ stopGraceMs: 5_000 }), "supervise", "default"];
  const service = Bun.spawn(command, { env: { ...vm.env, QN_HOME: vm.layout.home }, stdio: ["ignore", log, log] });
  await until("a question to QEMU", programsMs, () => existsSync(asked) || undefined);
  service.kill("SIGTERM");
  await until("a service that is told", programsMs, async () => (await linesWith(logs.supervisor, "(stop)"))[0]);
  await rm(holds);
  return { exitCode: await service.exited, left: await processesLeft(folder) };
}

test("a service that ends while it takes over a QEMU has its guest shut down", async () => {
  await using vm = await fakeVm("boots");
  expect(await adopting(vm, true)).toEqual({ exitCode: 0, left: [] });
  expect(await linesWith(vm.paths.logs.qemu, "power button")).toEqual(["power button"]);
  expect(await stateOf(vm)).toEqual({ state: "stopped", reason: null });
});

test("one that cannot take it over ends it when the time for that is over", async () => {
  await using vm = await fakeVm("boots");
  expect(await adopting(vm, false)).toEqual({ exitCode: 0, left: [] });
});
