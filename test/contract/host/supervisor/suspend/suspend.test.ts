/** A VM that is suspended and resumed, on the fake QEMU: what becomes of it, whoever dies and whatever has changed. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { deleteVmFiles } from "../../../../../src/host/lifecycle/delete.ts";
import { takeDown } from "../../../../../src/host/lifecycle/down.ts";
import { whileStopped } from "../../../../../src/host/lifecycle/while-stopped.ts";
import { readBootRecord } from "../../../../../src/host/supervisor/boot/boot.ts";
import { headBytes } from "../../../../../src/host/supervisor/suspend/state.ts";
import { dockerApi } from "../../../../../src/system/docker-api.ts";
import { isLocked } from "../../../../../src/system/kernel/lock.ts";
import type { Behaviour } from "../../../../support/fake-qemu.ts";
import { failureOf } from "../../../../support/failures.ts";
import { type FakeVm, fakeVm, programsMs, stateOf } from "../../../../support/fake-vm.ts";
import { processesLeft } from "../../../../support/processes.ts";
import { until } from "../../../../support/until.ts";

setDefaultTimeout(programsMs);

/** Suspends a VM that runs; the containers that were stopped for it. */
async function suspend(vm: FakeVm): Promise<readonly string[]> {
  let stopped: readonly string[] = [];
  const suspended = await takeDown(vm.paths, { force: false, env: vm.env, suspend: (names) => (stopped = names) });
  expect(suspended).toBe("suspended");
  return stopped;
}

/** A VM that is suspended. */
async function suspendedVm(): Promise<FakeVm> {
  const vm = await fakeVm("boots");
  await vm.up();
  await suspend(vm);
  vm.told.length = 0;
  return vm;
}

/** Starts it; what a person was warned of, and whether it has booted. */
async function upAgain(vm: FakeVm): Promise<{ warnings: string[]; hasBooted: boolean }> {
  vm.told.length = 0;
  await vm.up();
  expect(await dockerApi(vm.paths.dockerSocket).containers()).toEqual([]);
  return {
    warnings: vm.told.filter((line) => line.startsWith("warning")),
    hasBooted: vm.told.includes("phase boot"),
  };
}

/** The state's files that are there. */
function states({ paths }: FakeVm): string[] {
  return ["", ".part", ".taken"].filter((end) => existsSync(`${paths.suspended}${end}`));
}

test("a VM that is suspended goes on with the secret that it had, and its state is gone then", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  const before = await readBootRecord(vm.paths);
  // As a person sees it, whatever a guest calls its containers.
  expect(await suspend(vm)).toEqual([String.raw`web\x1b[2J`]);
  expect([await stateOf(vm), states(vm), statSync(vm.paths.suspended).mode & 0o777]).toEqual([
    { state: "suspended", reason: null },
    [""],
    0o600,
  ]);
  expect([existsSync(vm.paths.dockerSocket), await processesLeft(vm.paths.folder)]).toEqual([false, []]);
  vm.told.length = 0;
  expect([await vm.up(), vm.told]).toEqual(["started", ["phase image", "phase agent", "phase docker", "running"]]);
  expect((await readBootRecord(vm.paths))?.secret).toBe(before?.secret ?? "");
  expect([states(vm), await stateOf(vm)]).toEqual([[], { state: "running", reason: null }]);
  expect(await takeDown(vm.paths, { force: false })).toBe("stopped");
});

test("a newer QEMU reads the state itself, and one that cannot after all has it sent", async () => {
  for (const behaviour of ["newer-qemu", "newer-qemu-reads-no-path"] as const) {
    await using vm = await fakeVm(behaviour);
    await vm.up();
    await suspend(vm);
    expect(await upAgain(vm)).toEqual({ warnings: [], hasBooted: false });
    await until("a state that is gone", 20_000, () => states(vm).length === 0 || undefined);
  }
});

test("a guest that does not let go, and a QEMU that does not save it, run on", async () => {
  const reasons: [Behaviour, string][] = [
    ["holds-mounts", "bash (12) uses /home/ann, a folder of this machine."],
    ["cannot-migrate", "QEMU does not get through with it"],
  ];
  for (const [behaviour, words] of reasons) {
    await using vm = await fakeVm(behaviour);
    await vm.up();
    const failure = await failureOf(() => takeDown(vm.paths, { force: false, suspend: () => {} }));
    expect(failure).toMatchObject({ code: "SUSPEND_REFUSED", message: expect.stringContaining(words) });
    expect([await vm.up(), states(vm)]).toEqual([expect.stringMatching(/joined|running/), []]);
    expect(await stateOf(vm)).toEqual({ state: "running", reason: null });
    expect(await dockerApi(vm.paths.dockerSocket).containers()).toEqual([]);
  }
});

test("a guest that is asked to let go and never answers keeps nobody from shutting its VM down", async () => {
  await using vm = await fakeVm("never-sleeps");
  await vm.up();
  const suspending = failureOf(() => takeDown(vm.paths, { force: false, suspend: () => {} }));
  await until("a VM that is being suspended", 20_000, async () =>
    (await stateOf(vm)).state === "suspending" ? true : undefined,
  );
  expect(await takeDown(vm.paths, { force: false })).toBe("stopped");
  expect(await suspending).toMatchObject({
    code: "SUSPEND_REFUSED",
    message: "The VM cannot be suspended now. It is to be shut down.",
  });
  expect([states(vm), await stateOf(vm)]).toEqual([[], { state: "stopped", reason: null }]);
});

test("a VM that has lost what was saved of it says so, and one that is ended by force at that moment is ended", async () => {
  await using vm = await fakeVm("loses-state");
  for (const isForced of [false, true]) {
    await vm.up();
    const suspending = takeDown(vm.paths, { force: false, suspend: () => {} }).catch(() => {});
    const mark = `${vm.paths.serialSocket}.quits`;
    await until("a QEMU that is told to end", 20_000, () => existsSync(mark) || undefined);
    rmSync(mark);
    if (isForced) expect(await takeDown(vm.paths, { force: true })).toBe("forced");
    await suspending;
    await until("its end", 20_000, () => !isLocked(vm.paths.lock) || undefined);
    expect([await processesLeft(vm.paths.folder), states(vm)]).toEqual([[], []]);
    if (!isForced) expect((await stateOf(vm)).reason).toContain("suspended.state.part");
  }
});

const changes: Record<string, { change: (vm: FakeVm) => void | Promise<void>; why: string }> = {
  "its state was cut off": {
    change: ({ paths }) => truncateSync(paths.suspended, headBytes + 1000),
    why: "its saved state is not whole",
  },
  "a byte of its memory is another one": {
    change({ paths }) {
      const content = readFileSync(paths.suspended);
      content[headBytes + 2_000_000] = 0;
      writeFileSync(paths.suspended, content);
    },
    why: "The saved state is not what was written",
  },
  "its state is somebody else's words": {
    change: ({ paths }) => writeFileSync(paths.suspended, '{"format":1}\n'),
    why: "its saved state is not whole",
  },
  "its data disk was written to": {
    change: ({ paths }) => utimesSync(paths.dataDisk, 1, 1),
    why: "default.raw has changed",
  },
  "its settings are others": {
    change: async ({ paths }) => void (await Bun.write(paths.config, "mounts: []\ncpus: 1\nmemoryMiB: 600\n")),
    why: "its settings have changed",
  },
};

for (const [name, { change, why }] of Object.entries(changes)) {
  test(`a VM starts anew, and says why, when ${name}`, async () => {
    await using vm = await suspendedVm();
    await change(vm);
    const flags = name.startsWith("its settings") ? { flags: {} } : {};
    await vm.up(flags);
    const warnings = vm.told.filter((line) => line.startsWith("warning It cannot"));
    expect(warnings).toEqual([
      expect.stringMatching(/^warning It cannot be resumed and starts anew, as after a power cut, because .*\.$/),
    ]);
    expect([warnings[0], vm.told.includes("phase boot"), states(vm)]).toEqual([expect.stringContaining(why), true, []]);
  });
}

/**
 * Who dies at which command while a VM is being suspended, and whether what ran before is what runs after the next `up`:
 * it ran on, or its state was there.
 */
const killedSuspends: [Behaviour, boolean][] = [
  ["orphaned-at-stop", true],
  ["orphaned-at-migrate", true],
  ["dies-at-stop", false],
  ["dies-at-migrate", false],
  ["dies-at-quit", true],
  ["both-die-at-stop", false],
  ["both-die-at-migrate", false],
  ["both-die-at-quit", false],
];

for (const [behaviour, goesOn] of killedSuspends) {
  test(`a VM ${goesOn ? "goes on" : "starts anew"} after ${behaviour} while it was being suspended`, async () => {
    await using vm = await fakeVm(behaviour);
    await vm.up();
    await takeDown(vm.paths, { force: false, suspend: () => {} }).catch(() => {});
    // A supervisor that has lost its QEMU refuses, and ends a moment later.
    if (behaviour.startsWith("dies-")) await until("its end", 20_000, () => !isLocked(vm.paths.lock) || undefined);
    await vm.behave("boots");
    const { hasBooted } = await upAgain(vm);
    expect([hasBooted, states(vm), await stateOf(vm)]).toEqual([!goesOn, [], { state: "running", reason: null }]);
  });
}

/** The same while it is being resumed: a state that was not taken is there for another try, one that was for none. */
const killedResumes: [Behaviour, boolean][] = [
  ["orphaned-at-migrate-incoming", true],
  ["both-die-at-migrate-incoming", true],
  ["orphaned-at-cont", true],
  ["both-die-at-cont", false],
];

for (const [behaviour, goesOn] of killedResumes) {
  test(`a VM ${goesOn ? "goes on" : "starts anew"} after ${behaviour} while it was being resumed`, async () => {
    await using vm = await suspendedVm();
    await vm.behave(behaviour);
    await vm.up().catch(() => {});
    await vm.behave("boots");
    const { hasBooted } = await upAgain(vm);
    expect([hasBooted, states(vm), await stateOf(vm)]).toEqual([!goesOn, [], { state: "running", reason: null }]);
  });
}

test("a VM starts anew at once when QEMU dies while it resumes", async () => {
  for (const behaviour of ["dies-at-migrate-incoming", "dies-at-cont"] as const) {
    await using vm = await suspendedVm();
    await vm.behave(behaviour);
    const { warnings, hasBooted } = await upAgain(vm);
    expect([warnings.some((line) => line.includes("It cannot be resumed")), hasBooted, states(vm)]).toEqual([
      true,
      true,
      [],
    ]);
  }
});

test("what needs the disks of a VM that is suspended is refused, and its state given up only where that is asked for", async () => {
  await using vm = await suspendedVm();
  const failure = await failureOf(() => whileStopped(vm.paths, vm.env, async () => {}));
  expect(failure).toMatchObject({ code: "VM_RUNNING", message: 'The VM "default" is suspended.' });
  expect(await takeDown(vm.paths, { force: false, keepSuspended: true })).toBe("suspended");
  expect(states(vm)).toEqual([""]);
  expect([await takeDown(vm.paths, { force: false }), states(vm)]).toEqual(["given-up", []]);
  expect((await upAgain(vm)).hasBooted).toBe(true);
  await suspend(vm);
  await deleteVmFiles(vm.paths, vm.env, { data: false, force: false });
  expect(existsSync(vm.paths.folder)).toBe(false);
});

test("a start that is called off while it resumes leaves the VM suspended or resumed", async () => {
  await using vm = await suspendedVm();
  const off = new AbortController();
  const onEvent = (): void => off.abort();
  await vm.up({ signal: off.signal, onEvent }).catch(() => {});
  await upAgain(vm);
  expect(states(vm)).toEqual([]);
});
