/** The images of a QN_HOME, on a real file system. */
import { expect, test } from "bun:test";
import { appendFile, mkdir, readdir, readlink, rename, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { formatManifest, type ImageManifest } from "../../../../src/host/image/manifest.ts";
import { activateImage, findImage, hashOf, listImages, verifyImage } from "../../../../src/host/image/store.ts";
import { newStage } from "../../../../src/host/image/pointers.ts";
import { removeImage, sweep } from "../../../../src/host/image/sweep.ts";
import { run } from "../../../../src/system/process.ts";
import { qcow2Head } from "../../../support/qcow2.ts";
import { tempHome } from "../../../support/temp-home.ts";

/** A disk that needs no other file. */
function diskOf(content: string): Buffer {
  return Buffer.concat([qcow2Head(), Buffer.from(content)]);
}

/** Makes a finished folder with a disk of `content`, as a build does. */
async function finishedImage(folder: string, content: string, name = "debian"): Promise<ImageManifest> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "disk.qcow2"), diskOf(content));
  const manifest: ImageManifest = {
    name,
    version: "13.7",
    arch: "x86_64",
    protocol: 1,
    recipe: "debian-13/1",
    inputs: "a".repeat(64),
    disk: {
      sha256: await hashOf(join(folder, "disk.qcow2")),
      sizeBytes: diskOf(content).length,
      virtualSizeBytes: content.length,
    },
  };
  await writeFile(join(folder, "image.json"), formatManifest(manifest));
  return manifest;
}

/** A folder of images with one in it. */
async function oneImage(home: string, content = "a disk", name = "debian") {
  await using stage = await newStage(imagesIn(home));
  const finished = join(stage.folder, "image");
  return await activateImage(imagesIn(home), finished, await finishedImage(finished, content, name));
}

function imagesIn(home: string): string {
  return join(home, "_images");
}

test("there is no image where there is no folder", async () => {
  await using home = await tempHome({ images: false });
  const images = join(home.path, "_images");
  expect([await findImage(images, "debian", "x86_64"), await listImages(images)]).toEqual([undefined, []]);
});

test("an image that is put in place is found, listed and whole", async () => {
  await using home = await tempHome({ images: false });
  const image = await oneImage(home.path);
  await verifyImage(image);
  const name = `sha256-${image.manifest.disk.sha256}`;
  expect(image.folder).toBe(join(imagesIn(home.path), name));
  expect(await findImage(imagesIn(home.path), "debian", "x86_64")).toEqual(image);
  expect(await listImages(imagesIn(home.path))).toEqual([{ ...image, entries: ["debian-x86_64"] }]);
  // Older versions of qn find its files under its name.
  expect(await readlink(join(imagesIn(home.path), "debian-x86_64"))).toBe(name);
});

test("a newer image takes the place of an older one and leaves nothing of it", async () => {
  await using home = await tempHome({ images: false });
  await oneImage(home.path, "the old disk");
  const image = await oneImage(home.path, "the new disk");
  expect(await Bun.file(image.disk).text()).toEndWith("the new disk");
  expect((await readdir(imagesIn(home.path))).toSorted()).toEqual(["debian-x86_64", basename(image.folder)]);
});

test("of images that are put in place at once one wins whole", async () => {
  await using home = await tempHome({ images: false });
  const contents = Array.from({ length: 8 }, (_, index) => `disk ${index}`);
  await Promise.all(contents.map((content) => oneImage(home.path, content)));
  const image = await findImage(imagesIn(home.path), "debian", "x86_64");
  if (image === undefined) throw new Error("There is no image.");
  await verifyImage(image);
  expect(contents.map((content) => diskOf(content).toString())).toContain(await Bun.file(image.disk).text());
  expect((await readdir(imagesIn(home.path))).toSorted()).toEqual(["debian-x86_64", basename(image.folder)]);
});

test("a disk of another size is no image's", async () => {
  await using home = await tempHome({ images: false });
  const image = await oneImage(home.path);
  await truncate(image.disk, 3);
  await expect(findImage(imagesIn(home.path), "debian", "x86_64")).rejects.toMatchObject({
    code: "IMAGE_CORRUPT",
    message: `"${image.disk}" has 3 bytes, and should have ${diskOf("a disk").length}.`,
  });
});

test("a disk with another content is found out, also when it was whole before", async () => {
  await using home = await tempHome({ images: false });
  const image = await oneImage(home.path);
  await verifyImage(image);
  await writeFile(image.disk, diskOf("a dusk"));
  await expect(verifyImage(image)).rejects.toMatchObject({
    code: "IMAGE_CORRUPT",
    message: `"${image.disk}" has the SHA-256 ${await hashOf(image.disk)}, and should have ${image.manifest.disk.sha256}.`,
  });
});

test.each(["kernel", "initrd"])(
  "a %s with another content is found out, also when it was whole before",
  async (name) => {
    await using home = await tempHome({ images: false });
    const finished = join(home.path, ".build-1");
    const manifest = await finishedImage(finished, "a disk");
    const fileOf = async <Name extends string>(file: Name) => {
      await writeFile(join(finished, file), `the ${file}`);
      return { file, bytes: 10, sha256: await hashOf(join(finished, file)) };
    };
    const kernel = { commandLine: "rw", files: [await fileOf("kernel"), await fileOf("initrd")] } as const;
    const image = await activateImage(home.path, finished, {
      ...manifest,
      kernel: { ...kernel, files: [...kernel.files] },
    });
    await verifyImage(image);
    await writeFile(join(image.folder, name), "the others");
    await expect(verifyImage(image)).rejects.toMatchObject({
      code: "IMAGE_CORRUPT",
      message: expect.stringContaining(`/${name}" has the SHA-256 `),
    });
  },
);

test("a disk that is no file keeps nobody waiting", async () => {
  await using home = await tempHome({ images: false });
  const image = await oneImage(home.path);
  await rm(image.disk);
  await run(["mkfifo", image.disk]);
  await expect(findImage(imagesIn(home.path), "debian", "x86_64")).rejects.toMatchObject({
    code: "IMAGE_CORRUPT",
    message: `"${image.disk}" is no file.`,
  });
});

test.each(["disk.qcow2", "image.json"])("an image without its %s is corrupt, not missing", async (file) => {
  await using home = await tempHome({ images: false });
  const image = await oneImage(home.path);
  await rm(join(image.folder, file));
  await expect(findImage(imagesIn(home.path), "debian", "x86_64")).rejects.toMatchObject({
    code: "IMAGE_CORRUPT",
    message: `"${join(image.folder, file)}" is missing.`,
  });
});

test("a corrupt image can be removed, and a second time there is none", async () => {
  await using home = await tempHome({ images: false });
  const image = await oneImage(home.path);
  await appendFile(join(image.folder, "image.json"), "}");
  await removeImage(imagesIn(home.path), "debian-x86_64");
  expect(await readdir(imagesIn(home.path))).toEqual([]);
  await expect(removeImage(imagesIn(home.path), "debian-x86_64")).rejects.toMatchObject({ code: "IMAGE_MISSING" });
});

test("force takes an image from the VM that may have a new system disk, and never from its snapshots", async () => {
  await using home = await tempHome({ images: false });
  const { id } = await oneImage(home.path);
  const folder = join(home.path, "web");
  await mkdir(join(folder, "snapshots/first"), { recursive: true });
  await writeFile(join(folder, "system.qcow2.origin"), id);
  await writeFile(join(folder, "snapshots/first/system.qcow2.origin"), id);
  const byForce = () => removeImage(imagesIn(home.path), "debian-x86_64", () => true);
  await expect(byForce()).rejects.toMatchObject({
    code: "IMAGE_IN_USE",
    message: 'A snapshot of the VM "web" lies on the image "debian-x86_64".',
  });
  await rm(join(folder, "snapshots"), { recursive: true });
  expect(await byForce()).toHaveLength(1);
});

test("equal images with two names are one on disk, and it goes with the second name", async () => {
  await using home = await tempHome({ images: false });
  const [one, other] = [await oneImage(home.path), await oneImage(home.path, "a disk", "other")];
  expect(other.folder).toBe(one.folder);
  expect(await findImage(imagesIn(home.path), "other", "x86_64")).toMatchObject({ manifest: { name: "other" } });
  expect(await removeImage(imagesIn(home.path), "debian-x86_64")).toEqual([]);
  await verifyImage(other);
  expect(await removeImage(imagesIn(home.path), "other-x86_64")).toHaveLength(1);
  expect(await readdir(imagesIn(home.path))).toEqual([]);
});

test("an image that was spoilt is whole once it is put in place again", async () => {
  await using home = await tempHome({ images: false });
  const image = await oneImage(home.path);
  await writeFile(image.disk, diskOf("a dusk"));
  await verifyImage(await oneImage(home.path));
  expect(await Bun.file(image.disk).text()).toEndWith("a disk");
});

/** A folder of images as qn had them before it had addresses. */
async function oldFolder(home: string): Promise<ImageManifest> {
  return await finishedImage(join(imagesIn(home), "debian-x86_64"), "a disk");
}

test("what an older qn has left is taken over by the first who looks, without a byte moved", async () => {
  await using home = await tempHome({ images: false });
  const { disk } = await oldFolder(home.path);
  const before = await stat(join(imagesIn(home.path), "debian-x86_64/disk.qcow2"));
  const image = await findImage(imagesIn(home.path), "debian", "x86_64");
  expect(image?.folder).toBe(join(imagesIn(home.path), `sha256-${disk.sha256}`));
  expect((await stat(join(imagesIn(home.path), "debian-x86_64/disk.qcow2"))).ino).toBe(before.ino);
});

test("a takeover that was killed between two steps is finished by the next who looks", async () => {
  await using home = await tempHome({ images: false });
  const { disk } = await oldFolder(home.path);
  const at = (name: string): string => join(imagesIn(home.path), name);
  await symlink(`sha256-${disk.sha256}`, at(".next-debian-x86_64"));
  await rename(at("debian-x86_64"), at(`sha256-${disk.sha256}`));
  expect(await findImage(imagesIn(home.path), "debian", "x86_64")).toMatchObject({ manifest: { disk } });
  expect((await readdir(imagesIn(home.path))).toSorted()).toEqual(["debian-x86_64", `sha256-${disk.sha256}`]);
});

test("an older folder with the files of an image that is there already becomes its name", async () => {
  await using home = await tempHome({ images: false });
  const image = await oneImage(home.path, "a disk", "other");
  await truncate(image.disk, 3);
  await oldFolder(home.path);
  const names = (await listImages(imagesIn(home.path))).map(({ entries }) => entries);
  expect(names).toEqual([["debian-x86_64", "other-x86_64"]]);
  // Of the two disks the one that could be whole is kept.
  expect(await Bun.file(image.disk).text()).toEndWith("a disk");
});

test("a folder whose image.json is broken stays where it is, and is told of by its name", async () => {
  await using home = await tempHome({ images: false });
  await oldFolder(home.path);
  const path = join(imagesIn(home.path), "debian-x86_64/image.json");
  await writeFile(path, "{");
  const failure = { code: "IMAGE_CORRUPT", message: `"${path}" is not JSON.` };
  await expect(findImage(imagesIn(home.path), "debian", "x86_64")).rejects.toMatchObject(failure);
  await oneImage(home.path, "the new disk");
  expect(await readdir(imagesIn(home.path))).toHaveLength(2);
});

test("what is noted beside a system disk, by an older qn or in a snapshot, keeps the image that it lies on", async () => {
  await using home = await tempHome({ images: false });
  const image = await oneImage(home.path);
  for (const [folder, what] of [
    ["old", 'The system disk of the VM "old"'],
    ["new/snapshots/monday", 'A snapshot of the VM "new"'],
  ] as const) {
    await mkdir(join(home.path, folder), { recursive: true });
    await writeFile(join(home.path, folder, "system.qcow2.origin"), image.id);
    await expect(removeImage(imagesIn(home.path), "debian-x86_64")).rejects.toMatchObject({
      code: "IMAGE_IN_USE",
      message: `${what} lies on the image "debian-x86_64".`,
    });
    await oneImage(home.path, "another disk");
    expect(await sweep(imagesIn(home.path), { isAll: true })).toMatchObject([{ entries: ["debian-x86_64"] }]);
    await oneImage(home.path);
    await rm(join(home.path, folder), { recursive: true });
  }
  expect(await sweep(imagesIn(home.path), { isAll: true })).toMatchObject([{ id: image.id }]);
});

test("a note that cannot be read keeps every image, and one that cannot be understood those that it names", async () => {
  await using home = await tempHome({ images: false });
  const image = await oneImage(home.path);
  await mkdir(join(home.path, "web"));
  await writeFile(join(home.path, "web/images.json"), `{"current": "${image.id}`);
  expect(await sweep(imagesIn(home.path), { isAll: true })).toEqual([]);
  await rm(join(home.path, "web/images.json"));
  await mkdir(join(home.path, "web/images.json"));
  await expect(sweep(imagesIn(home.path), { isAll: true })).rejects.toThrow("no file");
  await verifyImage(image);
});

test("a folder in which somebody makes an image stays, and goes once its maker is gone", async () => {
  await using home = await tempHome({ images: false });
  const stage = await newStage(imagesIn(home.path));
  await writeFile(join(stage.folder, "disk.raw"), "half a disk");
  expect(await sweep(imagesIn(home.path))).toEqual([]);
  await mkdir(join(imagesIn(home.path), ".build-0123"));
  await writeFile(join(imagesIn(home.path), ".build-0123/disk.raw"), "half a disk");
  expect(await sweep(imagesIn(home.path), { isDry: true })).toMatchObject([{ id: null, entries: [] }]);
  expect(await sweep(imagesIn(home.path))).toHaveLength(1);
  expect(await readdir(imagesIn(home.path))).toEqual([basename(stage.folder)]);
  await stage[Symbol.asyncDispose]();
  expect(await readdir(imagesIn(home.path))).toEqual([]);
});
