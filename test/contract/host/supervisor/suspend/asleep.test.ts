/** A VM that falls asleep by itself and wakes up for whoever comes, on the fake QEMU. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deleteVmFiles } from "../../../../../src/host/lifecycle/delete.ts";
import { DiskTurn } from "../../../../../src/host/lifecycle/disk-turn.ts";
import { takeDown } from "../../../../../src/host/lifecycle/down.ts";
import { statusOfVm } from "../../../../../src/host/lifecycle/status.ts";
import { whileStopped } from "../../../../../src/host/lifecycle/while-stopped.ts";
import { connect, isListenedAt } from "../../../../../src/system/net/connection.ts";
import type { Behaviour } from "../../../../support/fake-qemu.ts";
import { failureOf } from "../../../../support/failures.ts";
import { type FakeVm, linesWith, programsMs, stateOf } from "../../../../support/fake-vm.ts";
import { becomes, containers, flags, hasEnded, idleVm, sleepingVm, sleeps } from "../../../../support/idle-vm.ts";
import { until } from "../../../../support/until.ts";

setDefaultTimeout(programsMs);

test("a VM that nobody uses falls asleep, and Docker's first client wakes it and is answered", async () => {
  await using vm = await sleepingVm();
  const asleep = await statusOfVm(vm.paths, vm.env);
  expect(asleep).toMatchObject({ reason: null, docker: { reachable: false }, qemu: { pid: null } });
  expect([existsSync(vm.paths.suspended), existsSync(vm.paths.dockerSocket)]).toEqual([true, true]);
  // Who looks wakes nobody, nor does who only looks whether somebody listens.
  expect(await isListenedAt(vm.paths.dockerSocket)).toBe(true);
  expect(await stateOf(vm)).toEqual({ state: "asleep", reason: null });
  expect(await containers(vm)).toEqual([]);
  expect(existsSync(vm.paths.suspended)).toBe(false);
  expect(await linesWith(vm.paths.logs.supervisor, "asleep -> starting")).toHaveLength(1);
  await becomes(vm, "asleep");
  expect(await sleeps(vm)).toBe(2);
});

test("two clients at one moment, and `qn up`, wake it once and are all served", async () => {
  await using vm = await sleepingVm();
  const [one, other, up] = await Promise.all([containers(vm), containers(vm), vm.up()]);
  expect([one, other, up]).toEqual([[], [], "joined"]);
  expect(await linesWith(vm.paths.logs.supervisor, "asleep -> starting")).toHaveLength(1);
});

test("a container that runs, and a client that stays, keep it awake", async () => {
  await using vm = await idleVm();
  const inUse = join(vm.layout.home, "in-use");
  writeFileSync(inUse, "");
  const log = vm.paths.logs.supervisor;
  await until("a look", 60_000, async () =>
    (await linesWith(log, "stays awake: The container web runs.")).length > 0 ? true : undefined,
  );
  const client = await connect({ unix: vm.paths.dockerSocket });
  client.take({});
  await Bun.file(inUse).delete();
  // Two spans of the clock: without the client it would be asleep by then.
  await Bun.sleep(2_500);
  expect([(await stateOf(vm)).state, await sleeps(vm)]).toEqual(["running", 0]);
  client.reset();
  await becomes(vm, "asleep");
});

/** A VM whose guest takes its time to let go, until the file is removed. */
async function fallingAsleep(): Promise<{ readonly vm: FakeVm; readonly letGo: () => Promise<void> }> {
  const vm = await idleVm();
  const clings = join(vm.layout.home, "clings");
  writeFileSync(clings, "");
  await becomes(vm, "suspending");
  return { vm, letGo: () => Bun.file(clings).delete() };
}

test("who connects while it falls asleep waits, and is served by the guest that goes on right after", async () => {
  const { vm, letGo } = await fallingAsleep();
  await using _vm = vm;
  const served = containers(vm);
  await until("its knock", 20_000, async () =>
    (await linesWith(vm.paths.logs.supervisor, "wake next")).length > 0 ? true : undefined,
  );
  await letGo();
  expect(await served).toEqual([]);
  expect(await linesWith(vm.paths.logs.supervisor, "wake next -> starting")).toHaveLength(1);
});

test("`qn down` while it falls asleep does not wait for that, and shuts it down", async () => {
  const { vm } = await fallingAsleep();
  await using _vm = vm;
  expect(await takeDown(vm.paths, { force: false, keepSuspended: true, env: vm.env })).toBe("stopped");
  expect(await linesWith(vm.paths.logs.supervisor, "stays awake")).toEqual([]);
});

test("`qn down --suspend` while it falls asleep by itself suspends it, whatever is in use by then", async () => {
  const { vm, letGo } = await fallingAsleep();
  await using _vm = vm;
  const down = takeDown(vm.paths, { force: false, env: vm.env, suspend: () => {} });
  await until("its word", 20_000, async () =>
    (await linesWith(vm.paths.logs.supervisor, "-> suspending (suspend)")).length > 0 ? true : undefined,
  );
  // A container was started after it was found unused.
  writeFileSync(join(vm.layout.home, "in-use"), "");
  await letGo();
  expect([await down, (await stateOf(vm)).state]).toEqual(["suspended", "suspended"]);
});

test("`qn down` while it wakes up leaves it suspended or shuts it down, and its client is not left waiting", async () => {
  await using vm = await sleepingVm();
  const client = containers(vm).catch(() => []);
  const down = await takeDown(vm.paths, { force: false, keepSuspended: true, env: vm.env });
  expect([down, await client]).toEqual([expect.stringMatching(/^(suspended|stopped|forced)$/), []]);
});

test("what cannot be saved stays awake, and a person hears of it once", async () => {
  await using vm = await idleVm("cannot-migrate");
  const log = vm.paths.logs.supervisor;
  await until("a try", 60_000, async () => ((await linesWith(log, "(suspend-failed)")).length > 0 ? true : undefined));
  await becomes(vm, "running");
  expect(await containers(vm)).toEqual([]);
  await vm.up();
  const warnings = vm.told.filter((line) => line.startsWith("warning Nobody uses"));
  expect(warnings).toEqual([expect.stringContaining("it stays awake. The VM cannot be suspended now.")]);
});

test("`qn down` leaves one that is asleep suspended, and gives its memory up where it is to shut down", async () => {
  await using vm = await sleepingVm();
  expect(await takeDown(vm.paths, { force: false, keepSuspended: true, env: vm.env })).toBe("suspended");
  expect([await stateOf(vm), existsSync(vm.paths.dockerSocket)]).toEqual([{ state: "suspended", reason: null }, false]);
  await vm.up({ flags: { ...flags, idle: { after: "1s" } } });
  await becomes(vm, "asleep");
  expect(await takeDown(vm.paths, { force: false, env: vm.env, suspend: () => {} })).toBe("suspended");
  await vm.up({ flags: { ...flags, idle: { after: "1s" } } });
  await becomes(vm, "asleep");
  expect(await takeDown(vm.paths, { force: false, env: vm.env })).toBe("given-up");
  expect(existsSync(vm.paths.suspended)).toBe(false);
});

test("what needs its disks is refused while it is asleep, and so is its end unless that is forced", async () => {
  await using vm = await sleepingVm();
  const failure = await failureOf(() => whileStopped(vm.paths, vm.env, async () => {}));
  expect(failure).toMatchObject({ code: "VM_RUNNING", message: 'The VM "default" is asleep.' });
  const refused = await failureOf(() => deleteVmFiles(vm.paths, vm.env, { data: false, force: false }));
  expect(refused).toMatchObject({ code: "VM_RUNNING" });
  expect((await stateOf(vm)).state).toBe("asleep");
  await deleteVmFiles(vm.paths, vm.env, { data: false, force: true });
  expect([existsSync(vm.paths.folder), await sleeps(vm).catch(() => 0)]).toEqual([false, 0]);
});

test("a client of one that cannot be resumed waits for its cold start, and is answered", async () => {
  await using vm = await sleepingVm();
  utimesSync(vm.paths.dataDisk, 1, 1);
  const before = JSON.parse(readFileSync(vm.paths.bootFile, "utf8")) as { secret: string };
  expect(await containers(vm)).toEqual([]);
  const after = JSON.parse(readFileSync(vm.paths.bootFile, "utf8")) as { secret: string };
  expect(after.secret).not.toBe(before.secret);
  await vm.up();
  expect(vm.told.filter((line) => line.includes("It cannot be resumed"))).toEqual([
    expect.stringContaining("default.raw has changed"),
  ]);
});

test("a client of one whose start fails is reset, the reason is kept, and so is the guest", async () => {
  await using vm = await sleepingVm();
  const settings = readFileSync(vm.paths.config);
  writeFileSync(vm.paths.config, "cpus: many\n");
  expect(await containers(vm).catch(String)).toContain("closed");
  await hasEnded(vm);
  const failure = JSON.parse(readFileSync(vm.paths.lastFailure, "utf8")) as { message: string };
  expect(failure.message).toBe("A setting is wrong.");
  // Once that is mended the guest goes on: its memory is still there.
  writeFileSync(vm.paths.config, settings);
  vm.told.length = 0;
  await vm.up();
  expect(vm.told.includes("phase boot")).toBe(false);
});

test("a supervisor that is killed while its VM is asleep leaves it to the next `qn up`", async () => {
  await using vm = await sleepingVm();
  const { supervisor } = await statusOfVm(vm.paths, vm.env);
  process.kill(supervisor.pid ?? 0, "SIGKILL");
  await hasEnded(vm);
  expect(await stateOf(vm)).toEqual({ state: "suspended", reason: null });
  vm.told.length = 0;
  await vm.up();
  expect([await containers(vm), vm.told.includes("phase boot")]).toEqual([[], false]);
});

test("a VM that was taken over from a supervisor that has died falls asleep, too, and wakes phase by phase", async () => {
  await using vm = await idleVm();
  const { supervisor } = await statusOfVm(vm.paths, vm.env);
  process.kill(supervisor.pid ?? 0, "SIGKILL");
  await hasEnded(vm);
  await vm.up();
  await becomes(vm, "asleep");
  vm.told.length = 0;
  await vm.up();
  expect(vm.told).toEqual(["phase image", "phase agent", "phase docker", "running"]);
});

/** Who dies at which command while it falls asleep, or wakes up for a client. */
const killed: Behaviour[] = ["orphaned-at-stop", "both-die-at-migrate", "both-die-at-quit"];

for (const behaviour of killed) {
  test(`a VM that falls asleep is up again after ${behaviour} and \`qn up\``, async () => {
    await using vm = await idleVm(behaviour);
    await hasEnded(vm);
    await vm.behave("boots");
    await vm.up();
    expect(await containers(vm)).toEqual([]);
  });
}

test("a client is answered although QEMU dies while it is loaded: the VM starts anew", async () => {
  for (const behaviour of ["dies-at-migrate-incoming", "dies-at-cont"] as const) {
    await using vm = await sleepingVm();
    await vm.behave(behaviour);
    expect(await containers(vm)).toEqual([]);
  }
});

test("a disk that is to grow while its VM is asleep grows in the VM that wakes up for it", async () => {
  await using vm = await sleepingVm();
  using turn = new DiskTurn(vm.paths, vm.env);
  await turn.begin();
  await Bun.write(vm.paths.config, "mounts: []\ncpus: 1\nmemoryMiB: 512\ndiskGiB: 3\n");
  const grown = (await turn.finish()) ?? [];
  expect(grown.map(({ name, sizeBytes }) => [name, sizeBytes])).toEqual([["data", 3 * 1024 ** 3]]);
});
