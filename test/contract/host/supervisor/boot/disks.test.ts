/** The disks that a new VM is given, made by the real qemu-img from an image that is there. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, readdir, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Layout } from "../../../../../src/host/layout.ts";
import { makeDisks } from "../../../../../src/host/supervisor/boot/disks.ts";
import { prepareVm } from "../../../../../src/host/vm/prepare.ts";
import { failureOf } from "../../../../support/failures.ts";
import { fakeVm, programsMs } from "../../../../support/fake-vm.ts";

setDefaultTimeout(programsMs);

const MiB = 1024 ** 2;

/** A VM that is made with firmware whose store of variables has so many MiB, all empty, as Debian's for ARM. */
async function scene(varsMiB: number) {
  const vm = await fakeVm("boots");
  const { layout, paths } = vm;
  const template = join(layout.home, "_tools", "vars.fd");
  await writeFile(template, "");
  await truncate(template, varsMiB * MiB);
  await mkdir(paths.folder);
  const flags = { mounts: [], memoryMiB: 512, volumes: [{ name: "db", sizeGiB: 100 }] };
  const planned = await prepareVm(layout, paths, vm.env, flags);
  const firmware = { ...planned.facts.firmware, vars: { template, format: "raw" } } as const;
  const prepared = { ...planned, facts: { ...planned.facts, firmware }, spec: { ...planned.spec, firmware } };
  return { layout, paths, prepared, [Symbol.asyncDispose]: () => vm[Symbol.asyncDispose]() };
}

/** What the files of all VMs take, in bytes. */
async function takenBy({ home, data }: Layout): Promise<number> {
  const folders = [join(home, "default"), data];
  const files = await Promise.all(
    folders.map(async (folder) => (await readdir(folder, { recursive: true })).map((name) => join(folder, name))),
  );
  const facts = await Promise.all(files.flat().map((file) => stat(file)));
  return facts.reduce((sum, { blocks }) => sum + blocks * 512, 0);
}

test("a new VM's disks take less than a megabyte, whatever sizes they have", async () => {
  await using vm = await scene(64);
  await makeDisks(vm.paths, vm.prepared);
  expect(await takenBy(vm.layout)).toBeLessThan(1_000_000);
  const sizes = await Promise.all(
    [vm.paths.firmwareVars, vm.paths.dataDisk].map(async (path) => (await stat(path)).size),
  );
  expect(sizes).toEqual([64 * MiB, 60 * 1024 * MiB]);
});

test("disks that were half made are made whole by the next start, and what is in them stays", async () => {
  await using vm = await scene(1);
  // A supervisor that was killed right after it had made the first file.
  await mkdir(vm.paths.volumes, { recursive: true });
  await writeFile(join(vm.paths.volumes, "db.raw"), "stored");
  await makeDisks(vm.paths, vm.prepared);
  await makeDisks(vm.paths, vm.prepared);
  const file = Bun.file(join(vm.paths.volumes, "db.raw"));
  expect([file.size, await file.slice(0, 6).text()]).toEqual([100 * 1024 * MiB, "stored"]);
});

test("a disk that cannot be made is named", async () => {
  await using vm = await scene(1);
  await mkdir(vm.layout.data);
  await writeFile(vm.paths.volumes, "no folder");
  const { code, message } = await failureOf(() => makeDisks(vm.paths, vm.prepared));
  expect([code, message.includes(vm.paths.volumes)]).toEqual(["DISK_FAILED", true]);
});
