/** Images of the real qemu-img that name other files of the user's: none of them becomes a guest's disk. */
import { expect, test } from "bun:test";
import { mkdir, readdir, readFile, realpath, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatManifest } from "../../../../src/host/image/manifest.ts";
import { makeSystemDisk } from "../../../../src/host/image/disk.ts";
import { activateImage, findImage, hashOf, imageAt, listImages } from "../../../../src/host/image/store.ts";
import { systemDisk } from "../../../../src/host/qemu/devices.ts";
import { prepareVm } from "../../../../src/host/vm/prepare.ts";
import { run } from "../../../../src/system/process.ts";
import { failureOf } from "../../../support/failures.ts";
import { fakeVm } from "../../../support/fake-vm.ts";
import { tempHome } from "../../../support/temp-home.ts";

const secretText = "of the user's alone ";

async function succeed(command: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await run(command);
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
  return stdout;
}

/** A raw file of 1 MiB that no guest may read, with 64 KiB of known text. */
async function secretIn(folder: string): Promise<string> {
  const path = join(folder, "secret");
  await writeFile(path, secretText.repeat(2 ** 20 / secretText.length).padEnd(2 ** 20));
  return path;
}

/** Writes the disk into an image's folder with a manifest that is right in all; `options` are qemu-img's words before its path. */
async function imageOf(folder: string, options: readonly string[], arch: "x86_64" | "aarch64" = "x86_64") {
  await mkdir(folder, { recursive: true });
  const disk = join(folder, "disk.qcow2");
  await succeed(["qemu-img", "create", "-q", "-f", "qcow2", ...options, disk, "1M"]);
  const manifest = {
    name: "debian",
    version: "1",
    arch,
    protocol: 2,
    recipe: "theirs",
    inputs: "00".repeat(32),
    disk: { sha256: await hashOf(disk), sizeBytes: (await stat(disk)).size, virtualSizeBytes: 2 ** 20 },
  };
  await writeFile(join(folder, "image.json"), formatManifest(manifest));
  return manifest;
}

/** What qemu-img is told for an image that is more than itself, and what qn says about it. */
const dependent: Readonly<Record<string, { readonly says: string; readonly options: (secret: string) => string[] }>> = {
  "a backing file": { says: "has a backing file", options: (secret) => ["-F", "raw", "-b", secret] },
  "a backing file of an old image": {
    says: "has a backing file",
    options: (secret) => ["-o", "compat=0.10", "-F", "raw", "-b", secret],
  },
  "a backing file in words of JSON": {
    says: "has a backing file",
    options: (secret) => ["-F", "raw", "-b", `json:{"driver":"raw","file":{"driver":"file","filename":"${secret}"}}`],
  },
  "a data file": {
    says: "has an external data file",
    options: (secret) => ["-o", `data_file=${secret}.data,data_file_raw=on`],
  },
  encryption: {
    says: "is encrypted",
    options: () => ["--object", "secret,id=key,data=x", "-o", "encrypt.format=aes,encrypt.key-secret=key"],
  },
};

for (const [what, { says, options }] of Object.entries(dependent)) {
  test(`an image with ${what} is refused by name wherever one is taken`, async () => {
    await using home = await tempHome({ images: false });
    const images = join(home.path, "_images");
    const folder = join(images, "debian-x86_64");
    const manifest = await imageOf(folder, options(await secretIn(home.path)));
    const failure = { code: "IMAGE_CORRUPT", message: expect.stringContaining(`/disk.qcow2" ${says}`) };
    for (const take of [
      () => findImage(images, "debian", "x86_64"),
      () => imageAt(folder, join(home.path, "cache")),
      () => activateImage(join(home.path, "taken"), folder, manifest),
    ]) {
      expect(await failureOf(take)).toMatchObject(failure);
    }
  });
}

test.each([
  ["plain", []],
  ["old", ["-o", "compat=0.10"]],
  ["of small clusters", ["-o", "cluster_size=512"]],
  ["of large clusters", ["-o", "cluster_size=2M"]],
  ["compressed with zstd", ["-o", "compression_type=zstd"]],
  ["with halves of clusters", ["-o", "extended_l2=on"]],
  ["with lazy counts", ["-o", "lazy_refcounts=on"]],
])("an image that is %s is taken", async (_, options) => {
  await using home = await tempHome({ images: false });
  const images = join(home.path, "_images");
  const { disk } = await imageOf(join(images, "debian-x86_64"), options);
  const [image, ...others] = await listImages(images);
  expect([image?.manifest.disk, image?.entries, others]).toEqual([disk, ["debian-x86_64"], []]);
});

test("an image that has become another one since is refused before anything starts", async () => {
  await using vm = await fakeVm("boots");
  await prepareVm(vm.layout, vm.paths, vm.env);
  const folder = join(vm.layout.images, `debian-${process.arch === "arm64" ? "aarch64" : "x86_64"}`);
  const secret = await secretIn(vm.layout.home);
  await imageOf(folder, ["-F", "raw", "-b", secret], process.arch === "arm64" ? "aarch64" : "x86_64");
  const { code, message } = await failureOf(() => vm.up());
  expect([code, message]).toEqual([
    "IMAGE_CORRUPT",
    `"${await realpath(folder)}/disk.qcow2" has a backing file ("${secret}").`,
  ]);
});

test("an image that is refused can be removed, as its hint says", async () => {
  await using home = await tempHome({ images: false });
  const images = join(home.path, "_images");
  await imageOf(join(images, "theirs-x86_64"), ["-F", "raw", "-b", await secretIn(home.path)]);
  const main = join(import.meta.dir, "../../../../src/main.ts");
  const { exitCode, stderr } = await run([process.execPath, main, "image", "rm", "theirs", "--arch", "x86_64"], {
    env: { PATH: process.env["PATH"], HOME: home.path, QN_HOME: home.path },
  });
  expect([exitCode, stderr]).toEqual([0, expect.stringContaining("is removed.")]);
  expect(await readdir(images)).toEqual([]);
});

test("QEMU shows nothing of a backing file, were the image's head not looked at", async () => {
  await using home = await tempHome({ images: false });
  const image = join(home.path, "image, 1.qcow2");
  const overlay = join(home.path, "system, 1.qcow2");
  await succeed(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", await secretIn(home.path), image]);
  await makeSystemDisk(overlay, image);
  const read = async (disk: string): Promise<string> => {
    const raw = join(home.path, "raw");
    await succeed(["qemu-img", "convert", "-O", "raw", disk, raw]);
    return (await readFile(raw, "utf8")).slice(0, secretText.length);
  };
  // The same disk shows it where QEMU is not told what lies below what.
  expect(await read(`json:{"driver":"qcow2","file":{"driver":"file","filename":"${overlay}"}}`)).toBe(secretText);
  const [flag, disk = ""] = systemDisk(overlay, image);
  expect(flag).toBe("-blockdev");
  expect(await read(`json:${disk}`)).toBe("\u0000".repeat(secretText.length));
});
