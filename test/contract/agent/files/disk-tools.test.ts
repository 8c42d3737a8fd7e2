/** What the guest's own tools make of disks, on files in the place of devices: blank, ext4, and what others have made. */
import { expect, test } from "bun:test";
import { open, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { diskTools } from "../../../../src/agent/files/disk-tools.ts";
import { run } from "../../../../src/system/process.ts";
import { newFolder } from "../../../support/folder.ts";

const MiB = 1024 ** 2;

async function disk(folder: string, name: string, sizeMiB: number): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, "");
  await truncate(path, sizeMiB * MiB);
  return path;
}

async function write(path: string, bytes: Uint8Array, position: number): Promise<void> {
  await using file = await open(path, "r+");
  await file.write(bytes, 0, bytes.length, position);
}

test("a blank disk has no signature, and formatted it is an ext4 of its size and name that nobody has used", async () => {
  await using folder = await newFolder();
  const path = await disk(folder.path, "blank", 2048);
  expect([await diskTools.signatures(path), await diskTools.superblock(path)]).toEqual([[], undefined]);
  await diskTools.format(path, "db");
  expect(await diskTools.signatures(path)).toEqual(["ext4"]);
  expect(await diskTools.superblock(path)).toEqual({ sizeBytes: 2048 * MiB, label: "db", isUsed: false });
  // A sparse file on the host: what it takes is not what it could hold.
  expect((await Bun.file(path).stat()).blocks * 512).toBeLessThan(8 * MiB);
  const { stdout } = await run(["dumpe2fs", "-h", path]);
  expect(stdout).toMatch(/Reserved block count:\s+0\n/);
});

test("a file system that was begun once, whatever there is of it, is made over", async () => {
  await using folder = await newFolder();
  const path = await disk(folder.path, "begun", 64);
  await diskTools.format(path, "db");
  // The superblock has reached the disk, what it speaks of has not.
  await write(path, new Uint8Array(MiB), 4096);
  await diskTools.format(path, "db");
  expect((await run(["e2fsck", "-fn", path])).exitCode).toBe(0);
});

test("a file system that was mounted has been used", async () => {
  await using folder = await newFolder();
  const path = await disk(folder.path, "used", 64);
  await diskTools.format(path, "db");
  await run(["tune2fs", "-C", "3", path]);
  expect(await diskTools.superblock(path)).toMatchObject({ sizeBytes: 64 * MiB, isUsed: true });
});

test("what others have made has a signature: partitions, swap, LUKS, btrfs", async () => {
  await using folder = await newFolder();
  const parts = await disk(folder.path, "gpt", 64);
  await run(["sfdisk", "-q", parts], { stdin: Buffer.from("label: gpt\n,,\n") });
  expect(await diskTools.signatures(parts)).toContain("gpt");
  const swap = await disk(folder.path, "swap", 64);
  await run(["mkswap", swap]);
  expect(await diskTools.signatures(swap)).toEqual(["swap"]);
  const luks = await disk(folder.path, "luks", 64);
  await write(luks, Buffer.from("LUKS\xba\xbe\0\x01", "latin1"), 0);
  expect(await diskTools.signatures(luks)).toEqual(["crypto_LUKS"]);
  const btrfs = await disk(folder.path, "btrfs", 64);
  await write(btrfs, Buffer.from("_BHRfS_M"), 65_600);
  expect(await diskTools.signatures(btrfs)).toEqual(["btrfs"]);
});

test("a tool that fails is an error in its own words", async () => {
  await using folder = await newFolder();
  await expect(diskTools.signatures(join(folder.path, "none"))).rejects.toThrow("No such file or directory");
});
