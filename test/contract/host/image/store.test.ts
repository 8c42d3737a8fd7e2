/** The images of a QN_HOME, on a real file system. */
import { expect, test } from "bun:test";
import { appendFile, mkdir, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatManifest, type ImageManifest } from "../../../../src/host/image/manifest.ts";
import {
  activateImage,
  findImage,
  hashOf,
  listImages,
  removeImage,
  verifyImage,
} from "../../../../src/host/image/store.ts";
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
async function oneImage(images: string, content = "a disk") {
  const finished = join(images, ".build-1");
  return await activateImage(images, finished, await finishedImage(finished, content));
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
  expect(image.folder).toBe(join(home.path, "debian-x86_64"));
  expect(await findImage(home.path, "debian", "x86_64")).toEqual(image);
  expect(await listImages(home.path)).toEqual([image]);
});

test("a newer image takes the place of an older one and leaves nothing of it", async () => {
  await using home = await tempHome({ images: false });
  await oneImage(home.path, "the old disk");
  const image = await oneImage(home.path, "the new disk");
  expect(await Bun.file(image.disk).text()).toEndWith("the new disk");
  expect(await readdir(home.path)).toEqual(["debian-x86_64"]);
});

test("of images that are put in place at once one wins whole", async () => {
  await using home = await tempHome({ images: false });
  const contents = Array.from({ length: 8 }, (_, index) => `disk ${index}`);
  await Promise.all(
    contents.map(async (content, index) => {
      const finished = join(home.path, `.build-${index}`);
      return await activateImage(home.path, finished, await finishedImage(finished, content));
    }),
  );
  const image = await findImage(home.path, "debian", "x86_64");
  if (image === undefined) throw new Error("There is no image.");
  await verifyImage(image);
  expect(contents.map((content) => diskOf(content).toString())).toContain(await Bun.file(image.disk).text());
  expect(await readdir(home.path)).toEqual(["debian-x86_64"]);
});

test("a disk of another size is no image's", async () => {
  await using home = await tempHome({ images: false });
  const image = await oneImage(home.path);
  await truncate(image.disk, 3);
  await expect(findImage(home.path, "debian", "x86_64")).rejects.toMatchObject({
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
  await expect(findImage(home.path, "debian", "x86_64")).rejects.toMatchObject({
    code: "IMAGE_CORRUPT",
    message: `"${image.disk}" is no file.`,
  });
});

test.each(["disk.qcow2", "image.json"])("an image without its %s is corrupt, not missing", async (file) => {
  await using home = await tempHome({ images: false });
  const image = await oneImage(home.path);
  await rm(join(image.folder, file));
  await expect(findImage(home.path, "debian", "x86_64")).rejects.toMatchObject({
    code: "IMAGE_CORRUPT",
    message: `"${join(image.folder, file)}" is missing.`,
  });
});

test("a corrupt image can be removed, and removing twice is fine", async () => {
  await using home = await tempHome({ images: false });
  const image = await oneImage(home.path);
  await appendFile(join(image.folder, "image.json"), "}");
  await removeImage(home.path, "debian", "x86_64");
  await removeImage(home.path, "debian", "x86_64");
  expect(await readdir(home.path)).toEqual([]);
});
