/** A VM on a new image, and back: with real disks, and a stand-in for QEMU. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { cp, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeSystemDisk } from "../../../../src/host/image/disk.ts";
import { parseManifest } from "../../../../src/host/image/manifest.ts";
import { findImage } from "../../../../src/host/image/store.ts";
import { removeImage, sweep } from "../../../../src/host/image/sweep.ts";
import { readVmImages } from "../../../../src/host/image/vm-images.ts";
import { cloneVm, renameVm } from "../../../../src/host/lifecycle/clone.ts";
import { deleteVmFiles } from "../../../../src/host/lifecycle/delete.ts";
import { DiskTurn } from "../../../../src/host/lifecycle/disk-turn.ts";
import { takeDown } from "../../../../src/host/lifecycle/down.ts";
import { rollBackVm } from "../../../../src/host/lifecycle/roll-back.ts";
import { isThere } from "../../../../src/system/files.ts";
import { ownArch } from "../../../../src/system/platform.ts";
import { failureOf } from "../../../support/failures.ts";
import { type FakeVm, fakeVm, programsMs } from "../../../support/fake-vm.ts";
import { doStep } from "../../../support/image-steps.ts";

setDefaultTimeout(programsMs);

const entry = `debian-${ownArch()}`;

async function build(vm: FakeVm, mark: number, data?: number): Promise<void> {
  const step = { do: "build", name: "debian", mark } as const;
  await doStep(vm.layout.home, data === undefined ? step : { ...step, data });
}

/** The version of the image that the VM starts on next, or has. */
async function versionOf({ layout, paths }: FakeVm): Promise<string> {
  const path = join(layout.images, `sha256-${(await readVmImages(paths))?.current}`, "image.json");
  return parseManifest(await readFile(path, "utf8"), path).version;
}

async function upAndDown(vm: FakeVm): Promise<string> {
  await vm.up();
  await takeDown(vm.paths, { force: true });
  return await versionOf(vm);
}

async function back({ layout, paths, env }: FakeVm): Promise<void> {
  await rollBackVm(layout, paths, env);
}

test("a VM goes back to the image before and stays there until there is a newer one; its data stay", async () => {
  await using vm = await fakeVm("boots");
  expect(await upAndDown(vm)).toBe("1");
  await writeFile(vm.paths.dataDisk, "what Docker keeps", { flag: "r+" });
  await build(vm, 2);
  expect(await upAndDown(vm)).toBe("2");
  await back(vm);
  expect([await upAndDown(vm), await upAndDown(vm)]).toEqual(["1", "1"]);
  await back(vm);
  expect(await upAndDown(vm)).toBe("2");
  await back(vm);
  await build(vm, 3);
  expect(await upAndDown(vm)).toBe("3");
  expect(await Bun.file(vm.paths.dataDisk).slice(0, 17).text()).toBe("what Docker keeps");
});

test("a VM goes back from an image that is broken", async () => {
  await using vm = await fakeVm("boots");
  await upAndDown(vm);
  await build(vm, 2);
  await upAndDown(vm);
  const image = await findImage(vm.layout.images, "debian", ownArch());
  await rm(image?.disk ?? "");
  expect((await failureOf(() => vm.up())).code).toBe("IMAGE_CORRUPT");
  await back(vm);
  expect(await upAndDown(vm)).toBe("1");
});

test("a VM that runs, one without an image before, and no VM at all do not go back", async () => {
  await using vm = await fakeVm("boots");
  expect((await failureOf(() => back(vm))).code).toBe("NO_SUCH_VM");
  await vm.up();
  expect((await failureOf(() => back(vm))).code).toBe("VM_RUNNING");
  await takeDown(vm.paths, { force: true });
  expect(await failureOf(() => back(vm))).toEqual({
    code: "IMAGE_MISSING",
    message: 'There is no image that "default" had before.',
  });
});

test("a VM whose data have a newer format does not go back over it, and its data of before are kept as a copy", async () => {
  await using vm = await fakeVm("boots");
  await upAndDown(vm);
  await writeFile(vm.paths.dataDisk, "format 1", { flag: "r+" });
  await build(vm, 2, 2);
  await upAndDown(vm);
  await writeFile(vm.paths.dataDisk, "format 2", { flag: "r+" });
  await upAndDown(vm);
  const newer = {
    code: "DATA_NEWER",
    message: expect.stringContaining('The data of "default" has format 2; the image'),
  };
  expect(await failureOf(() => back(vm))).toEqual(newer);
  expect(await versionOf(vm)).toBe("2");
  const copy = `${vm.paths.dataDisk}.before`;
  expect(await Bun.file(copy).slice(0, 8).text()).toBe("format 1");
  expect((await stat(copy)).blocks * 512).toBeLessThan(2 ** 20);
  // Nor does it start on an older image that has taken the name since, also after the VM was made anew.
  await build(vm, 3);
  expect(await failureOf(() => vm.up())).toEqual(newer);
  await deleteVmFiles(vm.paths, vm.env, { data: false, force: true });
  expect(await failureOf(() => vm.up())).toEqual(newer);
  // With the data goes all that belongs to it.
  await deleteVmFiles(vm.paths, vm.env, { data: true, force: true });
  expect((await vm.files()).filter((path) => path.startsWith("_data/"))).toEqual([]);
  expect(await upAndDown(vm)).toBe("3");
});

test("a clone and a VM with another name have the image and the format of their data from before", async () => {
  await using vm = await fakeVm("boots");
  await upAndDown(vm);
  await build(vm, 2, 2);
  await upAndDown(vm);
  const [twin, other] = [vm.layout.vm("twin"), vm.layout.vm("other")];
  await cloneVm(vm.paths, twin, vm.env);
  await renameVm(vm.paths, other, vm.env, () => {});
  for (const paths of [twin, other]) {
    expect(await failureOf(() => rollBackVm(vm.layout, paths, vm.env))).toMatchObject({ code: "DATA_NEWER" });
  }
  expect([await isThere(`${vm.paths.dataDisk}.version`), await isThere(`${other.dataDisk}.before`)]).toEqual([
    false,
    true,
  ]);
});

test("an image that a VM needs is neither removed nor pruned, and goes once the VM is gone", async () => {
  await using vm = await fakeVm("boots");
  await upAndDown(vm);
  const { images } = vm.layout;
  expect(await failureOf(() => removeImage(images, entry))).toEqual({
    code: "IMAGE_IN_USE",
    message: `The system disk of the VM "default" lies on the image "${entry}".`,
  });
  await build(vm, 2);
  await upAndDown(vm);
  await build(vm, 3);
  // The VM has 2, goes back to 1, and takes 3 at its next start.
  expect(await sweep(images, { isAll: true, isDry: true })).toMatchObject([{ entries: [entry] }]);
  await removeImage(images, entry);
  expect(await sweep(images, { isAll: true })).toEqual([]);
  expect(await upAndDown(vm)).toBe("2");
  await back(vm);
  expect(await upAndDown(vm)).toBe("1");
  await deleteVmFiles(vm.paths, vm.env, { data: true, force: true });
  const freed = await sweep(images);
  expect(freed.map(({ id, bytes }) => id !== null && bytes > 0)).toEqual([true, true]);
});

test("a VM of the qn before, with its image in a folder of its name, starts on the system disk that it has", async () => {
  await using vm = await fakeVm("boots");
  const { layout, paths } = vm;
  await cp(join(import.meta.dir, "../../../fixtures/vm-folder-1"), paths.folder, { recursive: true });
  const folder = layout.image("debian", ownArch());
  const { disk } = parseManifest(await readFile(join(folder, "image.json"), "utf8"), folder);
  await makeSystemDisk(paths.systemDisk, join(folder, "disk.qcow2"));
  await writeFile(`${paths.systemDisk}.origin`, disk.sha256);
  await mkdir(layout.data);
  await writeFile(paths.dataDisk, "what Docker keeps");
  const before = await stat(paths.systemDisk);
  expect(await vm.up()).toBe("started");
  expect((await stat(paths.systemDisk)).ino).toBe(before.ino);
  expect(await Bun.file(paths.dataDisk).slice(0, 17).text()).toBe("what Docker keeps");
  expect(await readVmImages(paths)).toEqual({ current: disk.sha256, name: "debian", previous: null, declined: null });
  // While it runs, its image is in use as ever.
  expect((await failureOf(() => removeImage(layout.images, entry, () => false))).code).toBe("IMAGE_IN_USE");
});

/** What a restore leaves that is killed when all is decided, and nothing is in its place. */
async function decided({ paths }: FakeVm, files: Readonly<Record<string, string>>): Promise<void> {
  const arriving = join(paths.folder, ".restoring");
  await mkdir(arriving);
  for (const [name, text] of Object.entries(files)) await writeFile(join(arriving, name), text);
  const kept = Object.fromEntries(Object.keys(files).map((name) => [name, true]));
  await writeFile(join(arriving, "arrival.json"), JSON.stringify({ files: kept, disks: {} }));
}

test("a VM goes back from what a killed restore has decided, and not from what was before it", async () => {
  await using vm = await fakeVm("boots");
  const ids: string[] = [];
  for (const mark of [1, 2, 3]) {
    if (mark > 1) await build(vm, mark);
    await upAndDown(vm);
    ids.push((await readVmImages(vm.paths))?.current ?? "");
  }
  const [first, second] = ids;
  await decided(vm, {
    "images.json": JSON.stringify({ current: second, name: "debian", previous: first, declined: null }),
  });
  await back(vm);
  expect([await versionOf(vm), await upAndDown(vm)]).toEqual(["1", "1"]);
});

test("a VM starts with the settings that a killed restore has decided, and its disks are judged by those", async () => {
  await using vm = await fakeVm("boots");
  await upAndDown(vm);
  await writeFile(vm.paths.config, "image: gone\nmounts: []\ndiskGiB: 2\n");
  await decided(vm, { "config.yaml": "image: debian\nmounts: []\ncpus: 1\nmemoryMiB: 512\ndiskGiB: 4\n" });
  expect(await vm.up({ flags: {} })).toBe("started");
  await takeDown(vm.paths, { force: true });
  // A change of the settings is one of those, too, and is not lost when they arrive.
  await decided(vm, { "config.yaml": "image: debian\nmounts: []\ncpus: 1\nmemoryMiB: 512\ndiskGiB: 5\n" });
  using turn = new DiskTurn(vm.paths, vm.env);
  await turn.begin();
  expect(await readFile(vm.paths.config, "utf8")).toContain("diskGiB: 5");
});
