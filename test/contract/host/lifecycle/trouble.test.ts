/** Guests in trouble: QEMU has paused one because the host's disk is full, or its kernel has panicked. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { takeDown } from "../../../../src/host/lifecycle/down.ts";
import { statusOfVm } from "../../../../src/host/lifecycle/status.ts";
import { dockerApi } from "../../../../src/system/docker-api.ts";
import { isThere } from "../../../../src/system/files.ts";
import { type FakeVm, fakeVm, isDegraded, linesWith, programsMs, stateOf } from "../../../support/fake-vm.ts";
import { until } from "../../../support/until.ts";

setDefaultTimeout(programsMs);

const paused = "The VM waits: this machine cannot write to its disks, most likely because there is no space left.";

async function pids({ paths, env }: FakeVm): Promise<{ qemu: number; supervisor: number }> {
  const { qemu, supervisor } = await statusOfVm(paths, env);
  return { qemu: qemu.pid ?? 0, supervisor: supervisor.pid ?? 0 };
}

async function isRunningAgain(vm: FakeVm): Promise<void> {
  await until("a VM that runs", 20_000, async () => ((await stateOf(vm)).state === "running" ? true : undefined));
}

test("a guest that was paused because the disk is full says so, and goes on by itself when there is space", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  process.kill((await pids(vm)).qemu, "SIGHUP");
  await isDegraded(vm, paused);
  // The disk of a test has space: QEMU is told to go on at the first look.
  await isRunningAgain(vm);
  expect(await linesWith(vm.paths.logs.supervisor, "is full. The VM waits")).toHaveLength(1);
  expect(await dockerApi(vm.paths.dockerSocket).containers()).toEqual([]);
  expect(await takeDown(vm.paths, { force: false })).toBe("stopped");
});

test("a guest whose write still does not fit waits until there is more room than before", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  await writeFile(join(vm.paths.folder, "full"), "");
  process.kill((await pids(vm)).qemu, "SIGHUP");
  const words = "That was not enough: the VM waits until ";
  await until("a try in vain", 60_000, async () => (await linesWith(vm.paths.logs.supervisor, words))[0]);
  await isDegraded(vm, paused);
});

test("a paused guest whose supervisor is killed is found paused by the next one, and goes on", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  const { qemu, supervisor } = await pids(vm);
  process.kill(supervisor, "SIGKILL");
  process.kill(qemu, "SIGHUP");
  expect(await vm.up()).toBe("started");
  await until("the guest to go on", 20_000, async () => {
    const lines = await linesWith(vm.paths.logs.supervisor, "the guest goes on");
    return lines.length === 1 ? true : undefined;
  });
  await isRunningAgain(vm);
});

test("a guest whose kernel panics starts anew by itself, and its state says why until it is there again", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  const { qemu, supervisor } = await pids(vm);
  process.kill(qemu, "SIGINT");
  await isDegraded(vm, "The guest's kernel could not go on; the guest starts anew.");
  const joined = vm.up();
  await until("who joins to hear it", 20_000, async () => (vm.told.at(-1) === "degraded" ? true : undefined));
  // The guest starts anew.
  process.kill(qemu, "SIGINT");
  expect(await joined).toBe("joined");
  expect(vm.told.slice(-2)).toEqual(["degraded", "running"]);
  expect(vm.told).toContain(
    "warning The guest's kernel could not go on and starts anew: Kernel panic - not syncing: sysrq triggered crash",
  );
  expect(await linesWith(vm.paths.logs.supervisor, "its kernel: ")).toEqual([
    expect.stringMatching(/BUG: kernel NULL pointer dereference, address: 0000000000000008$/),
    expect.stringMatching(/RIP: 0010:fake_probe\+0x1f\/0x40$/),
    expect.stringMatching(/Kernel panic - not syncing: sysrq triggered crash$/),
  ]);
  expect([await dockerApi(vm.paths.dockerSocket).containers(), await pids(vm)]).toEqual([[], { qemu, supervisor }]);
});

test("a VM whose sockets somebody has deleted is reached as before: by docker, and by qn", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  const { controlSocket, dockerSocket } = vm.paths;
  const before = await pids(vm);
  for (const path of [controlSocket, dockerSocket]) {
    await rm(path);
    await until("the socket", 10_000, async () => (await isThere(path)) || undefined);
  }
  expect(await pids(vm)).toEqual(before);
  expect((await statusOfVm(vm.paths, vm.env)).docker.reachable).toBe(true);
  expect(await takeDown(vm.paths, { force: false })).toBe("stopped");
  expect(await Promise.all([controlSocket, dockerSocket].map(isThere))).toEqual([false, false]);
});
