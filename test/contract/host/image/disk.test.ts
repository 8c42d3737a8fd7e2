/** A VM's disks, made by the real qemu-img. */
import { expect, test } from "bun:test";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { makeOwnDisk, makeSystemDisk } from "../../../../src/host/image/disk.ts";
import { run } from "../../../../src/system/process.ts";
import { tempHome } from "../../../support/temp-home.ts";

const gibibyte = 1024 ** 3;

test("a system disk is an overlay on the image, as large as that", async () => {
  await using home = await tempHome({ images: false });
  const image = join(home.path, "image, with a comma.qcow2");
  const disk = join(home.path, "system.qcow2");
  await run(["qemu-img", "create", "-q", "-f", "qcow2", image, "6G"]);
  await makeSystemDisk(disk, image);
  const { stdout } = await run(["qemu-img", "info", "--output=json", disk]);
  expect(JSON.parse(stdout)).toMatchObject({
    format: "qcow2",
    "virtual-size": 6 * gibibyte,
    "full-backing-filename": image,
    "backing-filename-format": "qcow2",
  });
  expect((await readdir(home.path)).toSorted()).toEqual(["image, with a comma.qcow2", "system.qcow2"]);
});

test("a system disk on nothing is refused in qemu-img's words, and leaves nothing", async () => {
  await using home = await tempHome({ images: false });
  const disk = join(home.path, "system.qcow2");
  await expect(makeSystemDisk(disk, join(home.path, "none.qcow2"))).rejects.toMatchObject({
    code: "DISK_FAILED",
    message: expect.stringContaining("none.qcow2"),
  });
  expect(await readdir(home.path)).toEqual([]);
});

test("a data disk is sparse, grows, and keeps what it holds", async () => {
  await using home = await tempHome({ images: false });
  const disk = join(home.path, "data.raw");
  await makeOwnDisk({ name: "data", path: disk, sizeGiB: 2 });
  const blank = await stat(disk);
  await run(["dd", "if=/dev/stdin", `of=${disk}`, "conv=notrunc", "status=none"], {
    stdin: new TextEncoder().encode("stored"),
  });
  await makeOwnDisk({ name: "data", path: disk, sizeGiB: 5 });
  const grown = await stat(disk);
  expect([blank.size, blank.blocks, grown.size, grown.mode & 0o777]).toEqual([2 * gibibyte, 0, 5 * gibibyte, 0o600]);
  expect(await Bun.file(disk).slice(0, 6).text()).toBe("stored");
});

test("a disk never shrinks, and says how large it is", async () => {
  await using home = await tempHome({ images: false });
  const disk = join(home.path, "data.raw");
  await makeOwnDisk({ name: "data", path: disk, sizeGiB: 5 });
  await expect(makeOwnDisk({ name: "data", path: disk, sizeGiB: 2 })).rejects.toMatchObject({
    code: "DISK_FAILED",
    message: `The data disk "${disk}" has 5 GiB and cannot shrink to 2 GiB.`,
  });
  await expect(makeOwnDisk({ name: "db", path: disk, sizeGiB: 2 })).rejects.toMatchObject({
    code: "DISK_FAILED",
    message: `The disk "db", which is "${disk}", has 5 GiB and cannot shrink to 2 GiB.`,
    hint: 'Set the size of "db" in volumes to at least what it has, or remove the data with `qn disk rm db --data`.',
  });
  expect((await stat(disk)).size).toBe(5 * gibibyte);
});
