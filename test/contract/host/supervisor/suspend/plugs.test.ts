/** A VM whose mount virtiofs serves is suspended without it, and has it again, whoever dies or refuses in between. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { takeDown } from "../../../../../src/host/lifecycle/down.ts";
import { statusOfVm } from "../../../../../src/host/lifecycle/status.ts";
import { readHead } from "../../../../../src/host/supervisor/suspend/state.ts";
import type { Behaviour } from "../../../../support/fake-qemu.ts";
import { failureOf } from "../../../../support/failures.ts";
import { type FakeVm, fakeVm, linesWith, processesWith, programsMs, stateOf } from "../../../../support/fake-vm.ts";
import { newFolder } from "../../../../support/folder.ts";
import { until } from "../../../../support/until.ts";

setDefaultTimeout(programsMs);

type Folder = { readonly path: string };

/** The VM, which mounts the folder. */
async function up(vm: FakeVm, { path }: Folder): Promise<void> {
  const mounts = [{ path, readOnly: true }];
  const files = { driver: "virtiofs", tmp: "none" } as const;
  await vm.up({ flags: { mounts, files, cpus: 1, memoryMiB: 512, diskGiB: 2 } });
}

/** Resolves once so many processes serve the folder: who holds it, and who does the work. */
async function served(folder: Folder, count: number): Promise<void> {
  await until(`${count} processes`, 60_000, async () => {
    const serving = await processesWith(`--folder=${folder.path}`);
    return serving.length === count || undefined;
  });
}

async function suspend({ paths, env }: FakeVm): Promise<unknown> {
  return await takeDown(paths, { force: false, env, suspend: () => {} });
}

test("it is suspended without its server, and goes on with another one", async () => {
  await using folder = await newFolder();
  await using vm = await fakeVm("boots");
  await up(vm, folder);
  await served(folder, 2);
  expect(await suspend(vm)).toBe("suspended");
  await served(folder, 0);
  vm.told.length = 0;
  await up(vm, folder);
  expect(vm.told).toEqual(["phase image", "phase agent", "phase docker", "running"]);
  await served(folder, 2);
  const { mounts } = await statusOfVm(vm.paths, vm.env);
  expect(mounts.map(({ driver }) => driver)).toEqual(["virtiofs"]);
  // As often as one likes.
  expect(await suspend(vm)).toBe("suspended");
  await served(folder, 0);
});

test("a newer QEMU goes on with the same memory, also where it has to be started twice", async () => {
  for (const behaviour of ["newer-qemu", "newer-qemu-reads-no-path"] as const) {
    await using folder = await newFolder();
    await using vm = await fakeVm(behaviour);
    await up(vm, folder);
    await suspend(vm);
    vm.told.length = 0;
    await up(vm, folder);
    expect(vm.told).toEqual(["phase image", "phase agent", "phase docker", "running"]);
  }
});

test("its memory is in its state beside what QEMU has sent, and it starts anew where that is another's", async () => {
  await using folder = await newFolder();
  await using vm = await fakeVm("boots");
  await up(vm, folder);
  await suspend(vm);
  const head = await readHead(vm.paths.suspended);
  // One page that the fake guest has written, at most some more, and the table; QEMU has the rest.
  expect(head?.memory?.runs).toBe(1);
  expect(head?.memory?.bytes).toBeLessThan(256 * 1024);
  const state = readFileSync(vm.paths.suspended);
  state[state.length - 100] = (state.at(-100) ?? 0) ^ 1;
  writeFileSync(vm.paths.suspended, state);
  vm.told.length = 0;
  await up(vm, folder);
  expect(vm.told).toContain(
    "warning It cannot be resumed and starts anew, as after a power cut, because The saved state is not what was written.",
  );
  expect(await stateOf(vm)).toEqual({ state: "running", reason: null });
  await served(folder, 2);
});

test("what is not given back, or not saved, runs on with what it had", async () => {
  const reasons: [Behaviour, string][] = [
    ["cannot-unplug", "QEMU refuses device_del: Device 'qn0' cannot be unplugged"],
    ["cannot-migrate", "QEMU does not get through with it"],
  ];
  for (const [behaviour, words] of reasons) {
    await using folder = await newFolder();
    await using vm = await fakeVm(behaviour);
    await up(vm, folder);
    const message = expect.stringContaining(words);
    expect(await failureOf(() => suspend(vm))).toMatchObject({ code: "SUSPEND_REFUSED", message });
    await up(vm, folder);
    expect(await stateOf(vm)).toEqual({ state: "running", reason: null });
    await served(folder, 2);
    // The server that has ended was not lost, of which whoever joins would be told.
    await up(vm, folder);
    expect(vm.told.filter((line) => line.startsWith("warning The server of virtiofs"))).toEqual([]);
  }
});

test("a guest that never gives its devices back keeps nobody from shutting its VM down", async () => {
  await using folder = await newFolder();
  await using vm = await fakeVm("never-unplugs");
  await up(vm, folder);
  const suspending = failureOf(() => suspend(vm));
  await until("a guest that is asked for its devices", 60_000, async () => {
    const lines = await linesWith(vm.paths.logs.supervisor, "the guest is being suspended");
    return lines.length > 0 || undefined;
  });
  expect(await takeDown(vm.paths, { force: false })).toBe("stopped");
  expect(await suspending).toMatchObject({
    code: "SUSPEND_REFUSED",
    message: "The VM cannot be suspended now. It is to be shut down.",
  });
  await served(folder, 0);
});

/** The supervisor dies at these commands while the VM is suspended; the next one finds its QEMU without a device. */
const orphaned: Behaviour[] = ["orphaned-at-chardev-remove", "orphaned-at-stop", "orphaned-at-migrate"];

for (const behaviour of orphaned) {
  test(`it has its mount again when it was ${behaviour}`, async () => {
    await using folder = await newFolder();
    await using vm = await fakeVm(behaviour);
    await up(vm, folder);
    await served(folder, 2);
    await suspend(vm).catch(() => {});
    await up(vm, folder);
    await served(folder, 2);
    expect(await stateOf(vm)).toEqual({ state: "running", reason: null });
  });
}

test("it has its mount again when its supervisor died as it plugged that in", async () => {
  await using folder = await newFolder();
  await using vm = await fakeVm("boots");
  await up(vm, folder);
  await suspend(vm);
  await vm.behave("orphaned-at-device_add");
  await up(vm, folder).catch(() => {});
  await up(vm, folder);
  await served(folder, 2);
  expect(await stateOf(vm)).toEqual({ state: "running", reason: null });
});
