/** `qn image import`: files of the real qemu-img and zstd, and those of somebody who means harm. */
import { expect, test } from "bun:test";
import { appendFile, copyFile, mkdir, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { importImage } from "../../../../src/host/image/import.ts";
import { findImage, verifyImage } from "../../../../src/host/image/store.ts";
import { formatManifest } from "../../../../src/host/image/manifest.ts";
import { ownArch } from "../../../../src/system/platform.ts";
import { failureOf } from "../../../support/failures.ts";
import { doStep, makeTinyDisk, succeed } from "../../../support/image-steps.ts";
import { type TempHome, tempHome } from "../../../support/temp-home.ts";

/** A QN_HOME, and a folder for files. */
async function scene() {
  const home: TempHome = await tempHome({ images: false });
  const at = (file: string): string => join(home.path, "_files", file);
  await mkdir(at(""));
  const take = async (file: string, signal = new AbortController().signal) =>
    await importImage({
      imagesFolder: join(home.path, "_images"),
      file: at(file),
      name: "mine",
      arch: ownArch(),
      version: undefined,
      signal,
      onBytes() {},
    });
  return {
    home,
    images: join(home.path, "_images"),
    at,
    take,
    [Symbol.asyncDispose]: () => home[Symbol.asyncDispose](),
  };
}

/** A raw disk with a GPT, and a text in its middle. */
async function rawDisk(path: string): Promise<void> {
  await writeFile(path, "");
  await truncate(path, 8 * 2 ** 20);
  const disk = Bun.file(path);
  const bytes = await disk.bytes();
  bytes.set(Buffer.from("EFI PART"), 512);
  bytes.set(Buffer.from("in the middle"), 4 * 2 ** 20);
  await writeFile(path, bytes);
}

test.each(["qcow2", "qcow2.zst", "raw", "raw.zst"])(
  "a disk as %s is taken in, whole and without its holes",
  async (kind) => {
    await using at = await scene();
    await rawDisk(at.at("disk.raw"));
    await succeed(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", at.at("disk.raw"), at.at("disk.qcow2")]);
    if (kind.endsWith(".zst")) await succeed(["zstd", "-q", at.at(`disk.${kind.replace(".zst", "")}`)]);
    const image = await at.take(`disk.${kind}`);
    await verifyImage(image);
    expect(await findImage(at.images, "mine", ownArch())).toEqual(image);
    expect(image.manifest).toMatchObject({ name: "mine", recipe: "import", disk: { virtualSizeBytes: 8 * 2 ** 20 } });
    await succeed(["qemu-img", "convert", "-O", "raw", image.disk, at.at("again.raw")]);
    expect(await Bun.file(at.at("again.raw")).bytes()).toEqual(await Bun.file(at.at("disk.raw")).bytes());
    expect((await stat(image.disk)).blocks * 512).toBeLessThan(2 ** 20);
    expect(await readdir(at.images)).toHaveLength(2);
  },
);

/** Files that are no disk of a guest's, and what is said of them. */
const refused: Readonly<
  Record<string, { readonly says: string; readonly make: (at: (file: string) => string) => Promise<unknown> }>
> = {
  "another file below it": {
    says: "has a backing file",
    async make(at) {
      await writeFile(at("secret"), "of the user's alone".padEnd(2 ** 20));
      return await succeed(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", at("secret"), at("file")]);
    },
  },
  "its data in another file": {
    says: "has an external data file",
    make: (at) =>
      succeed([
        "qemu-img",
        "create",
        "-q",
        "-f",
        "qcow2",
        "-o",
        `data_file=${at("data")},data_file_raw=on`,
        at("file"),
        "1M",
      ]),
  },
  "its end missing": {
    says: "is a broken qcow2 image",
    async make(at) {
      await succeed(["qemu-img", "create", "-q", "-f", "qcow2", at("file"), "8M"]);
      await succeed(["qemu-io", "-f", "qcow2", "-c", "write -q -P 7 0 8M", at("file")]);
      await truncate(at("file"), (await stat(at("file"))).size - 3 * 2 ** 20);
    },
  },
  "tables that lead astray": {
    says: "is a broken qcow2 image",
    async make(at) {
      await makeTinyDisk(at("file"), 7);
      const bytes = await Bun.file(at("file")).bytes();
      bytes.fill(
        255,
        Number(new DataView(bytes.buffer).getBigUint64(40)) + 1,
        Number(new DataView(bytes.buffer).getBigUint64(40)) + 6,
      );
      await writeFile(at("file"), bytes);
    },
  },
  "a head that speaks of more than any guest has": {
    says: "has a disk of more than 256 GiB",
    make: (at) => succeed(["qemu-img", "create", "-q", "-f", "qcow2", at("file"), "512T"]),
  },
  "words in it": {
    says: "is neither a qcow2 image nor a raw disk with a GPT",
    make: (at) => writeFile(at("file"), "words"),
  },
  "nothing in it": {
    says: "is neither a qcow2 image nor a raw disk with a GPT",
    make: (at) => writeFile(at("file"), ""),
  },
  "a zstd that is cut short": {
    says: "is no whole zstd",
    async make(at) {
      await rawDisk(at("disk"));
      await succeed(["zstd", "-q", at("disk"), "-o", at("file")]);
      await truncate(at("file"), (await stat(at("file"))).size - 5);
    },
  },
  "something behind the zstd": {
    says: "is no whole zstd",
    async make(at) {
      await rawDisk(at("disk"));
      await succeed(["zstd", "-q", at("disk"), "-o", at("file")]);
      await appendFile(at("file"), "more");
    },
  },
  "a zstd in a zstd": {
    says: "is neither a qcow2 image nor a raw disk with a GPT",
    async make(at) {
      await rawDisk(at("disk"));
      await succeed(["zstd", "-q", at("disk"), "-o", at("once")]);
      await succeed(["zstd", "-q", at("once"), "-o", at("file")]);
    },
  },
};

for (const [what, { says, make }] of Object.entries(refused)) {
  test(`a file with ${what} is not taken in, and the image of that name stays`, async () => {
    await using at = await scene();
    await doStep(at.home.path, { do: "build", name: "mine", mark: 1 });
    const before = [await readdir(at.images), await findImage(at.images, "mine", ownArch())];
    await make(at.at);
    expect(await failureOf(() => at.take("file"))).toMatchObject({
      code: "IMAGE_CORRUPT",
      message: expect.stringContaining(`"${at.at("file")}" ${says}`),
    });
    expect([await readdir(at.images), await findImage(at.images, "mine", ownArch())]).toEqual(before);
  });
}

test("a path with no file, or with something else, is refused by name, and nobody waits", async () => {
  await using at = await scene();
  await succeed(["mkfifo", at.at("fifo")]);
  expect(await failureOf(() => at.take("nowhere"))).toMatchObject({ code: "USAGE" });
  expect(await failureOf(() => at.take("fifo"))).toEqual({ code: "USAGE", message: `"${at.at("fifo")}" is no file.` });
});

test("an import that is called off leaves nothing", async () => {
  await using at = await scene();
  await rawDisk(at.at("disk.raw"));
  const interrupted = new AbortController();
  interrupted.abort();
  expect(await failureOf(() => at.take("disk.raw", interrupted.signal))).toMatchObject({ code: "INTERRUPTED" });
  expect(await readdir(at.images)).toEqual([]);
});

test("what an image.json beside the file says counts when it is about this very disk", async () => {
  await using at = await scene();
  await doStep(at.home.path, { do: "build", name: "one", mark: 1, data: 2 });
  const built = await findImage(at.images, "one", ownArch());
  if (built === undefined) throw new Error("There is no image.");
  await copyFile(built.disk, at.at("disk"));
  await writeFile(at.at("image.json"), formatManifest(built.manifest));
  await rm(at.images, { recursive: true });
  expect((await at.take("disk")).manifest).toEqual({ ...built.manifest, name: "mine" });
  await makeTinyDisk(at.at("disk"), 2);
  expect((await at.take("disk")).manifest).toMatchObject({
    name: "mine",
    recipe: "import",
    protocol: built.manifest.protocol,
  });
});

test("what an image.json names beside the file is a file of that size, and nobody waits for a FIFO", async () => {
  await using at = await scene();
  await doStep(at.home.path, { do: "build", name: "one", mark: 1 });
  const built = await findImage(at.images, "one", ownArch());
  if (built === undefined) throw new Error("There is no image.");
  await copyFile(built.disk, at.at("disk"));
  const [kernel, initrd] = (["kernel", "initrd"] as const).map((file) => ({ file, bytes: 8, sha256: "0".repeat(64) }));
  const files = [kernel, initrd];
  await writeFile(at.at("image.json"), JSON.stringify({ ...built.manifest, kernel: { commandLine: "quiet", files } }));
  await succeed(["mkfifo", at.at("kernel")]);
  const refusal = { code: "IMAGE_CORRUPT", message: `"${at.at("kernel")}" is no file of 8 bytes.` };
  expect(await failureOf(() => at.take("disk"))).toEqual(refusal);
  await rm(at.at("kernel"));
  await writeFile(at.at("kernel"), "");
  await truncate(at.at("kernel"), 2 ** 40);
  expect(await failureOf(() => at.take("disk"))).toEqual(refusal);
});

test("a disk that is in the store already keeps what is known of it, the format of its data above all", async () => {
  await using at = await scene();
  await doStep(at.home.path, { do: "build", name: "one", mark: 1, data: 2 });
  const built = await findImage(at.images, "one", ownArch());
  if (built === undefined) throw new Error("There is no image.");
  await copyFile(built.disk, at.at("disk"));
  expect((await at.take("disk")).manifest).toEqual({ ...built.manifest, name: "mine" });
  expect((await findImage(at.images, "one", ownArch()))?.manifest).toEqual(built.manifest);
});
