/** The disks that a new VM is given, made by the real qemu-img from an image that is there. */
import { expect, test } from "bun:test";
import { mkdir, readdir, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Layout, layoutOf } from "../../../../../src/host/layout.ts";
import { makeDisks } from "../../../../../src/host/supervisor/boot/disks.ts";
import { run } from "../../../../../src/system/process.ts";
import { failureOf } from "../../../../support/failures.ts";
import { newFolder } from "../../../../support/folder.ts";

const MiB = 1024 ** 2;

/** An image of 6 GiB, and firmware whose store of variables has so many MiB, all empty, as Debian's for ARM. */
async function scene(varsMiB: number) {
  const folder = await newFolder();
  const layout = layoutOf(folder.path);
  const [image, code, template] = ["image.qcow2", "code.fd", "vars.fd"].map((name) => join(folder.path, name)) as [
    string,
    string,
    string,
  ];
  await run(["qemu-img", "create", "-q", "-f", "qcow2", image, "6G"]);
  await writeFile(code, "code");
  await writeFile(template, "");
  await truncate(template, varsMiB * MiB);
  const paths = layout.vm("default");
  await mkdir(paths.folder);
  const volumes = [{ name: "db", sizeGiB: 100 }];
  const prepared = {
    config: { diskGiB: 60, volumes },
    spec: { arch: "x86_64" },
    facts: { firmware: { code, codeFormat: "raw", vars: { template, format: "raw" } } },
    image: { disk: image, manifest: { disk: { sha256: "00".repeat(32) } } },
  } as unknown as Parameters<typeof makeDisks>[1];
  return { layout, paths, prepared, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
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
