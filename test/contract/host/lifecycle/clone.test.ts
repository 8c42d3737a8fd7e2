/** VMs made from others, renamed, protected, and made by another qn: on the fake QEMU, with real disks and folders. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { cp, mkdir, open, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cloneVm, renameVm } from "../../../../src/host/lifecycle/clone.ts";
import { deleteVmFiles } from "../../../../src/host/lifecycle/delete.ts";
import { takeDown } from "../../../../src/host/lifecycle/down.ts";
import { vmNames } from "../../../../src/host/lifecycle/status.ts";
import type { VmPaths } from "../../../../src/host/layout.ts";
import { failureOf } from "../../../support/failures.ts";
import { fakeVm, programsMs, stateOf } from "../../../support/fake-vm.ts";

setDefaultTimeout(programsMs);

async function patch(path: string, text: string, position: number): Promise<void> {
  const file = await open(path, "r+");
  await file.write(text, position);
  await file.close();
}

async function blocks(path: string): Promise<{ size: number; blocks: number }> {
  const { size, blocks: taken } = await stat(path);
  return { size, blocks: taken };
}

test("a clone has the disks, data and settings of its source, and keys and ports of its own", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  const web = vm.layout.vm("web");
  expect((await failureOf(() => cloneVm(vm.paths, web, vm.env))).code).toBe("VM_RUNNING");
  await takeDown(vm.paths, { force: false });
  await patch(vm.paths.dataDisk, "stored", 1_000_000_000);
  await cloneVm(vm.paths, web, vm.env);
  const files = (await vm.files()).filter((path) => path.includes("web"));
  expect(files).toEqual([
    "_data/web.raw",
    "web",
    "web/config.yaml",
    "web/images.json",
    "web/lock",
    "web/system.qcow2",
    "web/system.qcow2.origin",
    "web/version",
  ]);
  const [from, to] = await Promise.all([blocks(vm.paths.dataDisk), blocks(web.dataDisk)]);
  expect([to.size, to.blocks <= from.blocks + 8]).toEqual([from.size, true]);
  const copied = await Bun.file(web.dataDisk).slice(1_000_000_000, 1_000_000_006).text();
  expect([copied, await readFile(web.config, "utf8")]).toEqual(["stored", await readFile(vm.paths.config, "utf8")]);
  try {
    await vm.up();
    expect(await vm.up({ paths: web })).toBe("started");
    const keys = await Promise.all([vm.paths, web].map(({ sshKey }) => readFile(sshKey, "utf8")));
    expect(keys[0]).not.toBe(keys[1]);
  } finally {
    await takeDown(web, { force: true });
  }
});

test("a name that is taken, by a VM or by the data of one, is refused", async () => {
  await using vm = await fakeVm("boots");
  const [web, old] = [vm.layout.vm("web"), vm.layout.vm("old")];
  expect((await failureOf(() => cloneVm(vm.paths, web, vm.env))).code).toBe("NO_SUCH_VM");
  for (const { folder } of [vm.paths, web]) await mkdir(folder, { recursive: true });
  await mkdir(vm.layout.data);
  await writeFile(old.dataDisk, "data");
  for (const action of [cloneVm, (from: VmPaths, to: VmPaths) => renameVm(from, to, vm.env, () => {})]) {
    expect(await failureOf(() => action(vm.paths, web, vm.env))).toEqual({
      code: "VM_EXISTS",
      message: 'There is a VM "web" already.',
    });
    expect((await failureOf(() => action(vm.paths, old, vm.env))).code).toBe("VM_EXISTS");
  }
  expect(await readFile(old.dataDisk, "utf8")).toBe("data");
});

test("a renamed VM keeps its data and starts under its new name; the old one is gone", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  const web = vm.layout.vm("web");
  const rename = (): Promise<void> => renameVm(vm.paths, web, vm.env, () => {});
  expect((await failureOf(rename)).code).toBe("VM_RUNNING");
  await takeDown(vm.paths, { force: false });
  await patch(vm.paths.dataDisk, "stored", 4096);
  await rename();
  expect(await vmNames(vm.layout)).toEqual(["web"]);
  expect((await vm.files()).filter((path) => path.includes("default"))).toEqual([]);
  expect(await Bun.file(web.dataDisk).slice(4096, 4102).text()).toBe("stored");
  try {
    expect(await vm.up({ paths: web })).toBe("started");
    expect(await readFile(web.sshConfig, "utf8")).toContain("Host qn-web\n");
    expect(await readFile(web.sshKnownHosts, "utf8")).toStartWith("qn-web ");
  } finally {
    await takeDown(web, { force: true });
  }
});

test("a protected VM is not deleted, by force neither, until that is lifted", async () => {
  await using vm = await fakeVm("boots");
  await mkdir(vm.paths.folder);
  const remove = (): Promise<boolean> => deleteVmFiles(vm.paths, vm.env, { data: true, force: true });
  for (const text of ["protected: true\n", "cpus: none\nprotected: true\n"]) {
    await writeFile(vm.paths.config, text);
    expect(await failureOf(remove)).toEqual({
      code: "VM_PROTECTED",
      message: 'The VM "default" is protected from deletion.',
    });
  }
  await writeFile(vm.paths.config, "protected: false\n");
  expect([await remove(), await vmNames(vm.layout)]).toEqual([false, []]);
});

test("a VM of the first qn, whose folder has no version, starts with this one and keeps its keys", async () => {
  await using vm = await fakeVm("boots");
  const fixture = join(import.meta.dir, "../../../fixtures/vm-folder-1");
  await cp(fixture, vm.paths.folder, { recursive: true });
  expect(await vm.up()).toBe("started");
  for (const file of ["config.yaml", "id_ed25519", "ssh_host_ed25519_key"]) {
    const [was, is] = await Promise.all(
      [fixture, vm.paths.folder].map((folder) => readFile(join(folder, file), "utf8")),
    );
    expect([file, is]).toEqual([file, was]);
  }
  expect(await stateOf(vm)).toEqual({ state: "running", reason: null });
});

test("a folder of a newer qn is refused, and not touched", async () => {
  await using vm = await fakeVm("boots");
  await mkdir(vm.paths.folder);
  for (const version of ["3", "2.1", "next"]) {
    await writeFile(vm.paths.version, `${version}\n`);
    expect(await failureOf(() => vm.up())).toEqual({
      code: "VM_NEWER",
      message: `The folder of the VM "default" has version ${version}; this qn knows versions up to 2.`,
    });
  }
  expect((await vm.files()).filter((path) => path.startsWith("default"))).toEqual(["default", "default/version"]);
});
