/** Snapshots of a stopped VM with real qemu-img, on a file system that shares blocks or not, whatever the machine has. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeOwnDisk, type SizedDisk } from "../../../../src/host/image/disk.ts";
import { layersFolder, liveDisk } from "../../../../src/host/image/live-disk.ts";
import { imageUses } from "../../../../src/host/image/usage.ts";
import { readVmImages } from "../../../../src/host/image/vm-images.ts";
import { cloneVm, renameVm } from "../../../../src/host/lifecycle/clone.ts";
import { deleteVmFiles } from "../../../../src/host/lifecycle/delete.ts";
import { takeDown } from "../../../../src/host/lifecycle/down.ts";
import { whileStopped } from "../../../../src/host/lifecycle/while-stopped.ts";
import { createSnapshot } from "../../../../src/host/snapshot/create.ts";
import { bytesTaken, listSnapshots } from "../../../../src/host/snapshot/folder.ts";
import { layerBelow } from "../../../../src/host/snapshot/layers.ts";
import { removeSnapshot, restoreSnapshot } from "../../../../src/host/snapshot/restore.ts";
import { run } from "../../../../src/system/process.ts";
import { failureOf } from "../../../support/failures.ts";
import { fakeVm, programsMs } from "../../../support/fake-vm.ts";
import { bytesOf, type StoppedVm, stoppedVm } from "../../../support/stopped-vm.ts";

setDefaultTimeout(programsMs);

test("a VM that was changed is what it was after its snapshot is restored, settings and both disks", async () => {
  await using vm = await stoppedVm();
  const before = await vm.seen();
  await createSnapshot(vm.paths, "first", 1);
  expect(await vm.seen()).toEqual({ ...before, snapshots: ["first"] });
  await vm.change(2, 1024);
  const changed = await vm.seen();
  expect([changed.config === before.config, changed.system === before.system, changed.data === before.data]).toEqual([
    false,
    false,
    false,
  ]);
  await createSnapshot(vm.paths, "second", 2);
  await restoreSnapshot(vm.paths, "first");
  expect(await vm.seen()).toEqual({ ...before, snapshots: ["first", "second"] });
  // What is written now is in neither.
  await vm.change(3, 2048);
  await restoreSnapshot(vm.paths, "second");
  expect(await vm.seen()).toEqual({ ...changed, snapshots: ["first", "second"] });
  await restoreSnapshot(vm.paths, "first");
  expect(await vm.seen()).toEqual({ ...before, snapshots: ["first", "second"] });
});

test("whatever is removed in whatever order, the disk and the other snapshots hold what they held", async () => {
  await using vm = await stoppedVm();
  const before = await vm.seen();
  await createSnapshot(vm.paths, "a", 1);
  await vm.change(2, 1024);
  const inB = await vm.seen();
  await createSnapshot(vm.paths, "b", 2);
  await vm.change(3, 2048);
  const inC = await vm.seen();
  await createSnapshot(vm.paths, "c", 3);
  // A branch: two disks lie on the layer of a.
  await restoreSnapshot(vm.paths, "a");
  await vm.change(4, 3072);
  const now = await vm.seen();
  await removeSnapshot(vm.paths, "a");
  expect(await vm.seen()).toEqual({ ...now, snapshots: ["b", "c"] });
  await removeSnapshot(vm.paths, "b");
  expect(await vm.seen()).toEqual({ ...now, snapshots: ["c"] });
  await restoreSnapshot(vm.paths, "c");
  expect(await vm.seen()).toEqual({ ...inC, snapshots: ["c"] });
  await removeSnapshot(vm.paths, "c");
  expect(await vm.seen()).toEqual({ ...inC, snapshots: [] });
  // The disk is one raw file again, and nothing else is left.
  expect((await vm.files()).filter((path) => /_data|snapshot|\.(new|old|restor)/.test(path))).toEqual([
    "_data/default.raw",
  ]);
  expect([before.data === inB.data, inB.data === inC.data]).toEqual([false, false]);
});

test("a snapshot takes no room for the data, and what others may not read stays so", async () => {
  await using vm = await stoppedVm();
  const paths = async (): Promise<string[]> => (await vm.files()).map((path) => join(vm.home, path));
  const before = await bytesOf(await paths());
  await createSnapshot(vm.paths, "first", 1);
  expect((await bytesOf(await paths())) - before).toBeLessThan(1024 ** 2);
  const modes = await Promise.all((await paths()).filter((path) => path.includes("_data")).map((path) => stat(path)));
  expect(modes.map(({ mode }) => mode & 0o077)).toEqual(modes.map(() => 0));
  const [snapshot] = await listSnapshots(vm.paths);
  if (snapshot === undefined) throw new Error("no snapshot");
  expect(await bytesTaken(vm.paths, snapshot)).toBeGreaterThan(64 * 1024);
  // No image goes that its system disk lies on.
  const origin = await readFile(`${vm.paths.systemDisk}.origin`, "utf8");
  await rm(`${vm.paths.systemDisk}.origin`);
  expect([...(await imageUses(vm.home))]).toEqual([[origin, [{ vm: "default", as: "snapshot" }]]]);
});

test("names that are taken, missing or no names are refused, and nothing changes", async () => {
  await using vm = await stoppedVm();
  await createSnapshot(vm.paths, "first", 1);
  const [seen, files] = [await vm.seen(), await vm.files()];
  expect((await failureOf(() => createSnapshot(vm.paths, "first", 2))).code).toBe("SNAPSHOT_EXISTS");
  for (const action of [restoreSnapshot, removeSnapshot]) {
    expect(await failureOf(() => action(vm.paths, "other"))).toEqual({
      code: "NO_SUCH_SNAPSHOT",
      message: 'The VM "default" has no snapshot "other".',
    });
  }
  for (const name of ["", ".", "..", "../x", "a/b", ".hidden", "-x", "a\n", "x".repeat(64)]) {
    expect((await failureOf(() => createSnapshot(vm.paths, name, 2))).code).toBe("USAGE");
    expect((await failureOf(() => removeSnapshot(vm.paths, name))).code).toBe("USAGE");
  }
  expect([await vm.seen(), await vm.files()]).toEqual([seen, files]);
});

test("settings that stand elsewhere are left there by a snapshot and by its return", async () => {
  await using vm = await stoppedVm();
  await createSnapshot(vm.paths, "own", 1);
  const elsewhere = join(vm.home, "declared.yaml");
  await writeFile(elsewhere, "cpus: 1\n");
  await Bun.file(vm.paths.config).delete();
  await symlink(elsewhere, vm.paths.config);
  await restoreSnapshot(vm.paths, "own");
  await createSnapshot(vm.paths, "declared", 2);
  await restoreSnapshot(vm.paths, "declared");
  expect([await readFile(vm.paths.config, "utf8"), await readFile(elsewhere, "utf8")]).toEqual([
    "cpus: 1\n",
    "cpus: 1\n",
  ]);
});

test("a disk on layers grows and does not shrink", async () => {
  await using vm = await stoppedVm();
  await createSnapshot(vm.paths, "first", 1);
  await makeOwnDisk(sized(vm, 1));
  await makeOwnDisk(sized(vm, 2));
  await createSnapshot(vm.paths, "large", 2);
  expect((await failureOf(() => makeOwnDisk(sized(vm, 1)))).message).toContain("has 2 GiB and cannot shrink to 1 GiB");
  await removeSnapshot(vm.paths, "first");
  await removeSnapshot(vm.paths, "large");
  expect([(await liveDisk(vm.paths.dataDisk)).path, (await stat(vm.paths.dataDisk)).size]).toEqual([
    vm.paths.dataDisk,
    2 * 1024 ** 3,
  ]);
});

test("further disks are in a snapshot too; one that was added since stays as it is", async () => {
  await using vm = await stoppedVm();
  const { volumes } = vm.paths;
  const [old, added] = [join(volumes, "old.raw"), join(volumes, "added.raw")];
  await mkdir(volumes);
  await writeFile(old, Buffer.alloc(1024 ** 2, 1));
  await createSnapshot(vm.paths, "first", 1);
  const live = await liveDisk(old);
  const written = await run(["qemu-io", "-f", live.format, "-c", "write -q -P 2 0 64k", live.path]);
  expect(written.exitCode).toBe(0);
  await writeFile(added, Buffer.alloc(1024 ** 2, 3));
  const first = async (raw: string): Promise<number | undefined> => (await readData((await liveDisk(raw)).path))[0];
  const web = vm.layout.vm("web");
  await cloneVm(vm.paths, web, vm.env);
  expect(await first(old)).toBe(2);
  await restoreSnapshot(vm.paths, "first");
  expect([await first(old), await first(added)]).toEqual([1, 3]);
  await removeSnapshot(vm.paths, "first");
  expect([await first(old), await first(added)]).toEqual([1, 3]);
  expect((await readdir(volumes)).toSorted()).toEqual(["added.raw", "old.raw"]);
  expect((await readdir(web.volumes)).toSorted()).toEqual(["added.raw", "old.raw"]);
});

test("a restored VM has the image and the format of data that it had then, and is not taken to the one that its name leads to", async () => {
  await using vm = await stoppedVm();
  const [old, now, newest] = [await readFile(`${vm.paths.systemDisk}.origin`, "utf8"), "1".repeat(64), "2".repeat(64)];
  await createSnapshot(vm.paths, "first", 1);
  await writeFile(`${vm.paths.systemDisk}.origin`, now);
  await writeFile(`${vm.paths.dataDisk}.version`, "2\n");
  await createSnapshot(vm.paths, "second", 2);
  await restoreSnapshot(vm.paths, "first", newest);
  expect(await readVmImages(vm.paths)).toEqual({ current: old, name: null, previous: now, declined: newest });
  expect(await Bun.file(`${vm.paths.dataDisk}.version`).exists()).toBe(false);
  await restoreSnapshot(vm.paths, "second", now);
  expect(await readVmImages(vm.paths)).toEqual({ current: now, name: null, previous: old, declined: null });
  expect(await readFile(`${vm.paths.dataDisk}.version`, "utf8")).toBe("2\n");
});

test("a VM that was never up has nothing to keep", async () => {
  await using vm = await stoppedVm();
  await Bun.file(vm.paths.dataDisk).delete();
  expect(await failureOf(() => createSnapshot(vm.paths, "first", 1))).toEqual({
    code: "NO_SUCH_VM",
    message: 'The VM "default" has no disks yet.',
  });
});

test("snapshots go with a renamed VM, not with a clone, and are gone with a deleted one", async () => {
  await using vm = await stoppedVm();
  const before = await vm.seen();
  await createSnapshot(vm.paths, "first", 1);
  await vm.change(2, 1024);
  const now = await vm.seen();
  const [web, copy] = [vm.layout.vm("web"), vm.layout.vm("copy")];
  await renameVm(vm.paths, web, vm.env, () => {});
  await cloneVm(web, copy, vm.env);
  expect([(await listSnapshots(web)).map(({ name }) => name), await listSnapshots(copy)]).toEqual([["first"], []]);
  expect((await liveDisk(copy.dataDisk)).format).toBe("raw");
  expect(Bun.deepEquals(await readData(copy.dataDisk), await readData((await liveDisk(web.dataDisk)).path))).toBe(true);
  await whileStopped(web, vm.env, () => restoreSnapshot(web, "first"));
  await renameVm(web, vm.paths, vm.env, () => {});
  expect(await vm.seen()).toEqual({ ...before, snapshots: ["first"] });
  expect(await deleteVmFiles(vm.paths, vm.env, { data: false, force: false })).toBe(true);
  expect(await vm.files()).toEqual(["_data/copy.raw", "_data/default.raw"]);
  expect(now.data).not.toBe(before.data);
  expect(await deleteVmFiles(copy, vm.env, { data: true, force: false })).toBe(false);
  expect(await deleteVmFiles(vm.paths, vm.env, { data: true, force: false })).toBe(false);
  expect(await vm.files()).toEqual([]);
});

test("a VM that runs is refused with what to do; with a snapshot it starts from its overlay", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  const create = (): Promise<unknown> => whileStopped(vm.paths, vm.env, () => createSnapshot(vm.paths, "first", 1));
  expect(await failureOf(create)).toEqual({ code: "VM_RUNNING", message: 'The VM "default" is running.' });
  await takeDown(vm.paths, { force: false });
  await create();
  const { path } = await liveDisk(vm.paths.dataDisk);
  expect(await vm.up()).toBe("started");
  const argv = (JSON.parse(await readFile(vm.paths.bootFile, "utf8")) as { argv: string[] }).argv.join(" ");
  expect(argv).toContain(`file.filename=${path}`);
  expect(argv).toContain(`driver=${path.endsWith("qcow2") ? "qcow2" : "raw"},node-name=data`);
});

// --- internal ---

/** The data disk as settings of that size have it. */
function sized({ paths }: StoppedVm, sizeGiB: number): SizedDisk {
  return { name: "data", path: paths.dataDisk, sizeGiB };
}

/** What a guest would read of a disk of data, by its name's format. */
async function readData(path: string): Promise<Uint8Array> {
  const raw = `${path}.read`;
  const format = path.endsWith(".qcow2") ? "qcow2" : "raw";
  await Bun.spawn(["qemu-img", "convert", "-f", format, "-O", "raw", path, raw]).exited;
  const bytes = await Bun.file(raw).bytes();
  await Bun.file(raw).delete();
  return bytes;
}

test("an empty file that a killed copy has left goes, and a disk that does not say what it lies on keeps all", async () => {
  await using vm = await stoppedVm();
  await createSnapshot(vm.paths, "first", 1);
  await vm.change(7, 64);
  const before = await vm.seen();
  const folder = layersFolder(vm.paths.dataDisk);
  const left = join(folder, "00112233445566aa.qcow2");
  await writeFile(left, "");
  expect(await whileStopped(vm.paths, vm.env, () => vm.seen())).toEqual(before);
  expect(await readdir(folder)).not.toContain("00112233445566aa.qcow2");
  await writeFile(left, "QFI");
  expect(await failureOf(() => layerBelow(left))).toMatchObject({ code: "DISK_FAILED" });
});
