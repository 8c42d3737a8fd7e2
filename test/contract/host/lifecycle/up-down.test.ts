/** The life of a VM on a fake QEMU, from the first `up` to the last `down`: everything but QEMU and its guest is real. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { deleteVmFiles } from "../../../../src/host/lifecycle/delete.ts";
import { takeDown } from "../../../../src/host/lifecycle/down.ts";
import { followToEnd } from "../../../../src/host/lifecycle/follow.ts";
import { statusOfVm, vmNames } from "../../../../src/host/lifecycle/status.ts";
import { dockerApi } from "../../../../src/system/docker-api.ts";
import { newFolder } from "../../../support/folder.ts";
import { failureOf } from "../../../support/failures.ts";
import { processesLeft } from "../../../support/processes.ts";
import { fakeVm, linesWith, programsMs, stateOf, upCalledOffIn } from "../../../support/fake-vm.ts";

setDefaultTimeout(programsMs);

const phases = ["phase image", "phase disks", "phase boot", "phase agent", "phase docker", "running"];

/** What a VM leaves when it is stopped. */
const atRest = [
  "_data",
  "_data/default.raw",
  "default",
  "default/boot.json",
  "default/config.yaml",
  "default/id_ed25519",
  "default/id_ed25519.pub",
  "default/images.json",
  "default/known_hosts",
  "default/lock",
  "default/port-range.json",
  "default/qemu.log",
  "default/serial.log",
  "default/ssh_config",
  "default/ssh_host_ed25519_key",
  "default/ssh_host_ed25519_key.pub",
  "default/supervisor.log",
  "default/system.qcow2",
  "default/system.qcow2.origin",
  "default/version",
  "ssh_config",
];

/** Who serves all of /tmp: the fake QEMU has virtiofs, which qn has on Linux. */
const driverHere = process.platform === "linux" ? "virtiofs" : "9p";

test("a VM goes up phase by phase, answers, and goes down without a trace of the boot", async () => {
  await using vm = await fakeVm("boots");
  expect([await vm.up(), vm.told]).toEqual(["started", phases]);
  const { state, docker, qemu, supervisor, ssh, accel, cpus, mounts } = await statusOfVm(vm.paths, vm.env);
  expect({ state, docker, accel, cpus, mounts, version: qemu.version }).toEqual({
    state: "running",
    docker: { socket: vm.paths.dockerSocket, context: "qn", reachable: true },
    accel: "tcg",
    cpus: 1,
    mounts: [{ path: "/tmp", readOnly: false, driver: driverHere, cache: "none" }],
    version: "7.2.22",
  });
  expect([qemu.pid, supervisor.pid, ssh.port].every((number) => Number.isInteger(number))).toBe(true);
  expect(await dockerApi(vm.paths.dockerSocket).containers()).toEqual([]);
  expect(await vmNames(vm.layout)).toEqual(["default"]);
  expect(await takeDown(vm.paths, { force: false })).toBe("stopped");
  expect(await vm.files()).toEqual(atRest);
  expect(await stateOf(vm)).toEqual({ state: "stopped", reason: null });
  expect(await takeDown(vm.paths, { force: false })).toBe("already-stopped");
});

test("a VM that runs is not started twice, and goes up again after it was down", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  vm.told.length = 0;
  expect([await vm.up(), vm.told]).toEqual(["running", ["running"]]);
  await takeDown(vm.paths, { force: false });
  expect(await vm.up()).toBe("started");
});

test("of ten who start one VM at once one starts it, and all wait until it runs", async () => {
  await using vm = await fakeVm("boots");
  const results = await Promise.all(Array.from({ length: 10 }, () => vm.up()));
  expect(results.filter((result) => result === "started")).toHaveLength(1);
  expect(results.filter((result) => result === "joined" || result === "running")).toHaveLength(9);
  expect(await linesWith(vm.paths.logs.supervisor, "starting (image)")).toHaveLength(1);
});

test("a VM that nobody has made can be neither stopped, shown nor deleted", async () => {
  await using vm = await fakeVm("boots");
  const missing = { code: "NO_SUCH_VM", message: 'There is no VM "default".' };
  const flags = { data: false, force: false };
  expect(await failureOf(() => takeDown(vm.paths, { force: false }))).toEqual(missing);
  expect(await failureOf(() => statusOfVm(vm.paths, vm.env))).toEqual(missing);
  expect(await failureOf(() => deleteVmFiles(vm.paths, vm.env, flags))).toEqual(missing);
  expect([await vmNames(vm.layout), await vm.files()]).toEqual([[], []]);
});

test("the first start of a VM that fails leaves nothing behind, and says QEMU's last words", async () => {
  await using vm = await fakeVm("exits");
  expect(await failureOf(() => vm.up())).toEqual({
    code: "QEMU_FAILED",
    message: "QEMU ended with status 1 before its monitor answered.",
    details: ["qemu-system-fake: Could not open the disk", "qemu-system-fake: giving up"],
  });
  // ssh's list of all VMs is not this VM's.
  expect(await vm.files()).toEqual(["_data", "ssh_config"]);
});

test("a start whose port somebody takes in between goes on with other ports", async () => {
  await using vm = await fakeVm("loses-port");
  expect(await vm.up()).toBe("started");
  expect(await stateOf(vm)).toEqual({ state: "running", reason: null });
});

test("a later start that fails leaves the VM as it was, and its state says why", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  await takeDown(vm.paths, { force: false });
  await vm.behave("exits");
  const { code, message } = await failureOf(() => vm.up());
  expect([code, await vm.files()]).toEqual(["QEMU_FAILED", [...atRest, "default/last-failure.json"].toSorted()]);
  expect(await stateOf(vm)).toEqual({ state: "failed", reason: message });
  // What is down already is put in order all the same.
  expect(await takeDown(vm.paths, { force: false })).toBe("already-stopped");
  expect(await stateOf(vm)).toEqual({ state: "stopped", reason: null });
  await vm.behave("boots");
  expect(await vm.up()).toBe("started");
});

test("a start that is called off takes everything with it, also a QEMU that does not answer", async () => {
  await using vm = await fakeVm("never-greets");
  expect(await failureOf(() => upCalledOffIn(vm, "phase boot"))).toEqual({
    code: "INTERRUPTED",
    message: "The start was called off.",
  });
  expect(await vm.files()).toEqual(["_data", "ssh_config"]);
  expect(await processesLeft(vm.paths.folder)).toEqual([]);
});

for (const phase of phases.slice(0, -1)) {
  test(`a start that is called off in the ${phase} leaves nothing behind`, async () => {
    await using vm = await fakeVm("no-docker");
    expect(await failureOf(() => upCalledOffIn(vm, phase))).toEqual({
      code: "INTERRUPTED",
      message: "The start was called off.",
    });
    // What all VMs share may be there, empty.
    expect((await vm.files()).filter((name) => name !== "_data" && name !== "ssh_config")).toEqual([]);
    // What works for the server of a mount ends as that does.
    expect(await processesLeft(vm.paths.folder)).toEqual([]);
  });
}

test("a start that is called off before it begins makes nothing", async () => {
  await using vm = await fakeVm("boots");
  expect(await failureOf(() => vm.up({ signal: AbortSignal.abort() }))).toEqual({
    code: "INTERRUPTED",
    message: "The start was called off.",
  });
  expect(await processesLeft(vm.paths.folder)).toEqual([]);
});

test("whoever only waits for another's start can give up without stopping it", async () => {
  await using vm = await fakeVm("boots");
  const waiting = new AbortController();
  const starting = vm.up({
    onEvent: (event) => {
      if (event.event === "phase" && event.phase === "disks") joined.resolve();
    },
  });
  const joined = Promise.withResolvers<void>();
  await joined.promise;
  const other = failureOf(() => vm.up({ signal: waiting.signal, onEvent: () => waiting.abort() }));
  expect((await other).code).toBe("INTERRUPTED");
  expect(await starting).toBe("started");
});

test("a guest that ignores the power button is ended after the grace period", async () => {
  await using vm = await fakeVm("ignores-power");
  await vm.up({ self: vm.supervisorWith({ stopGraceMs: 200 }) });
  expect(await takeDown(vm.paths, { force: false })).toBe("forced");
  expect(await linesWith(vm.paths.logs.qemu, "power button")).toEqual(["power button"]);
  expect(await stateOf(vm)).toEqual({ state: "stopped", reason: null });
});

test("a guest is not asked when it is stopped by force", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  expect(await takeDown(vm.paths, { force: true })).toBe("forced");
  expect(await linesWith(vm.paths.logs.qemu, "power button")).toEqual([]);
  expect(await processesLeft(vm.paths.folder)).toEqual([]);
});

test("a QEMU that does not quit is killed", async () => {
  await using vm = await fakeVm("ignores-all");
  await vm.up({ self: vm.supervisorWith({ stopGraceMs: 50 }) });
  expect(await takeDown(vm.paths, { force: false })).toBe("forced");
  expect(await processesLeft(vm.paths.folder)).toEqual([]);
});

test("a guest that falls silent while it boots is reset twice, then given up with its last words", async () => {
  await using vm = await fakeVm("hangs");
  const failure = await failureOf(() => vm.up({ self: vm.supervisorWith({ silenceMs: 2_500 }) }));
  expect(failure).toEqual({
    code: "BOOT_TIMEOUT",
    message: "The guest fell silent while it booted, and 2 resets did not help.",
    details: ["UEFI firmware (fake)", "reset: UEFI firmware (fake)", "reset: UEFI firmware (fake)"],
  });
  const reset = "warning The guest fell silent while it booted; it is reset.";
  expect(vm.told).toEqual(["phase image", "phase disks", "phase boot", reset, reset, "failed"]);
  expect(await vm.files()).toEqual(["_data", "ssh_config"]);
});

test("a boot may take as long as --timeout says, and no longer", async () => {
  await using vm = await fakeVm("hangs");
  expect(await failureOf(() => vm.up({ timeoutS: 1 }))).toMatchObject({
    code: "BOOT_TIMEOUT",
    message: "Waited 1 s in vain for the guest to boot.",
  });
});

test("a guest whose Docker never answers is no guest that does not boot", async () => {
  await using vm = await fakeVm("no-docker");
  // Time enough for the boot itself, on a busy machine too.
  expect(await failureOf(() => vm.up({ timeoutS: 5 }))).toMatchObject({
    code: "DOCKER_UNREACHABLE",
    message: "Waited 5 s in vain for Docker in the guest.",
  });
});

test("whoever follows a VM that shuts down learns nothing but its end", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  const following = followToEnd(vm.paths);
  await takeDown(vm.paths, { force: false });
  await following;
});

test("settings of the first start are kept, whatever letters they have", async () => {
  await using vm = await fakeVm("without-virtiofs");
  await using folder = await newFolder();
  const mounts = [
    { path: join(folder.path, `yes: "no" # 'x', ü`), readOnly: true },
    { path: join(folder.path, "two\nlines"), readOnly: false, cache: "none" as const },
  ];
  await Promise.all(mounts.map(({ path }) => mkdir(path)));
  const files = { driver: "auto" } as const;
  await vm.up({ flags: { cpus: 1, memoryMiB: 600, diskGiB: 2, mounts, files } });
  const shown = async (): Promise<unknown> => {
    const { memoryMiB, mounts: kept } = await statusOfVm(vm.paths, vm.env);
    return [memoryMiB, kept];
  };
  const served = (driver: string): object[] => mounts.map((mount) => ({ ...mount, driver }));
  const tmp = { path: "/tmp", readOnly: false, cache: "none" };
  // Who serves them is known while it runs; this QEMU has no other way.
  expect(await shown()).toEqual([600, [...served("9p"), { ...tmp, driver: "9p" }]]);
  await takeDown(vm.paths, { force: false });
  expect(await shown()).toEqual([600, [...served("auto"), { ...tmp, driver: "auto" }]]);
});
