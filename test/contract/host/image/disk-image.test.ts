/** A bootable disk made by the real tools from a very small Debian. */
import { expect, test } from "bun:test";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type DiskFiles, makeRawDisk } from "../../../../src/host/image/build/disk-image.ts";
import { esp, root } from "../../../../src/host/image/build/partitions.ts";
import { kernelCommandLine } from "../../../../src/host/image/build/recipe.ts";
import { hashOf } from "../../../../src/host/image/store.ts";
import { clusterRuns, packDisk } from "../../../../src/host/image/build/pack.ts";
import { run } from "../../../../src/system/process.ts";
import { tempHome } from "../../../support/temp-home.ts";

/** Only what the disk is made from: a kernel, its initramfs, the loader, and one file of a user that is not root. */
const tree: Readonly<Record<string, string>> = {
  "boot/vmlinuz-6.12": "the kernel",
  "boot/initrd.img-6.12": "its initramfs",
  "usr/lib/systemd/boot/efi/systemd-bootx64.efi": "the loader",
  "etc/hostname": "of the building machine",
  "home/user/file": "a user's",
  "usr/sbin/dockerd": Array.from({ length: 50_000 }, (_, index) => `line ${index}`).join("\n"),
};

async function smallTar(folder: string): Promise<string> {
  for (const [path, text] of Object.entries(tree)) {
    await mkdir(dirname(join(folder, "tree", path)), { recursive: true });
    await writeFile(join(folder, "tree", path), text);
  }
  const tar = join(folder, "small.tar");
  const words = ["tar", "--create", `--file=${tar}`, `--directory=${join(folder, "tree")}`, "--sort=name"];
  const { exitCode } = await run([...words, "--owner=1234", "--group=1234", "--mode=u=rwX,go=rX", "."]);
  expect(exitCode).toBe(0);
  return tar;
}

/** Makes the disk in a new folder below `home`. */
async function makeDisk(home: string, name: string, tar: string): Promise<DiskFiles> {
  const folder = join(home, name);
  const guestBinary = join(home, "qn");
  await mkdir(folder);
  await writeFile(guestBinary, "the agent");
  await chmod(guestBinary, 0o700);
  return await makeRawDisk({
    arch: "x86_64",
    folder,
    tar,
    files: [
      { path: "/etc/hostname", mode: 0o644, text: "qn\n" },
      { path: "/etc/sudoers.d/qn", mode: 0o440, text: "all\n" },
    ],
    links: [{ path: "/etc/systemd/system/a.service", target: "/dev/null" }],
    guestBinary,
  });
}

/** What a program prints, which must end well. */
async function said(...command: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await run(command);
  expect([exitCode, exitCode === 0 ? "" : stderr]).toEqual([0, ""]);
  return stdout;
}

/** Permission bits, owner and group of a file in the root file system, as debugfs says them. */
async function rightsOf(disk: string, path: string): Promise<string | undefined> {
  const text = await said("debugfs", "-R", `stat ${path}`, `${disk}?offset=${root.offsetBytes}`);
  const mode = /Mode:\s+(\d+)/.exec(text)?.[1];
  const [, user, group] = /User:\s+(\d+)\s+Group:\s+(\d+)/.exec(text) ?? [];
  return `${mode} ${user}:${group}`;
}

test("a disk has a loader, a kernel and a root with everyone's rights in it", async () => {
  await using home = await tempHome({ images: false });
  const { disk, kernel, initrd } = await makeDisk(home.path, "build", await smallTar(home.path));
  const fileSystem = `${disk}?offset=${root.offsetBytes}`;
  const volume = `${disk}@@${esp.offsetBytes}`;
  const table = JSON.parse(await said("sfdisk", "--json", disk));
  const efi = await said("mdir", "-b", "-/", "-i", volume, "::");
  expect({
    partitions: table.partitiontable.partitions.map((partition: { name: string }) => partition.name),
    efi: efi
      .split("\n")
      .filter((line) => line !== "")
      .toSorted(),
    entry: (await said("mtype", "-i", volume, "::/loader/entries/qn.conf")).split("\n"),
    kernel: await said("mtype", "-i", volume, "::/linux"),
    beside: [await readFile(kernel, "utf8"), await readFile(initrd, "utf8")],
    loader: await said("mtype", "-i", volume, "::/EFI/BOOT/BOOTX64.EFI"),
    hostname: await said("debugfs", "-R", "cat /etc/hostname", fileSystem),
    mask: /Fast link dest: "(.*)"/.exec(
      await said("debugfs", "-R", "stat /etc/systemd/system/a.service", fileSystem),
    )?.[1],
    rights: {
      root: await rightsOf(disk, "/"),
      qn: await rightsOf(disk, "/usr/local/bin/qn"),
      sudoers: await rightsOf(disk, "/etc/sudoers.d/qn"),
      user: await rightsOf(disk, "/home/user/file"),
    },
  }).toEqual({
    partitions: ["esp", "root"],
    efi: [
      "::/EFI/",
      "::/EFI/BOOT/",
      "::/EFI/BOOT/BOOTX64.EFI",
      "::/initrd",
      "::/linux",
      "::/loader/",
      "::/loader/entries/",
      "::/loader/entries/qn.conf",
      "::/loader/loader.conf",
    ],
    entry: ["title qn", "linux /linux", "initrd /initrd", `options ${kernelCommandLine("x86_64")}`, ""],
    kernel: "the kernel",
    beside: ["the kernel", "its initramfs"],
    loader: "the loader",
    hostname: "qn\n",
    mask: "/dev/null",
    rights: { root: "0755 0:0", qn: "0755 0:0", sudoers: "0440 0:0", user: "0644 1234:1234" },
  });
  await said("e2fsck", "-fn", fileSystem);
});

/** Runs `action` as a user of this mask and time zone does. */
async function asUser<Result>(mask: number, zone: string, action: () => Promise<Result>): Promise<Result> {
  const [maskBefore, zoneBefore] = [process.umask(mask), process.env["TZ"]];
  process.env["TZ"] = zone;
  try {
    return await action();
  } finally {
    process.umask(maskBefore);
    if (zoneBefore === undefined) delete process.env["TZ"];
    else process.env["TZ"] = zoneBefore;
  }
}

test("the same parts give the same disk, whenever and by whomever they are put together", async () => {
  await using home = await tempHome({ images: false });
  const tar = await smallTar(home.path);
  const made = async (name: string): Promise<string> => {
    // As qcow2, which leaves the 6 GiB of nothing out.
    const packed = join(home.path, `${name}.qcow2`);
    const { disk } = await makeDisk(home.path, name, tar);
    await said("qemu-img", "convert", "-O", "qcow2", disk, packed);
    return `${await rightsOf(disk, "/etc/systemd")} ${await hashOf(packed)}`;
  };
  const usual = await asUser(0o022, "UTC", async () => await made("one"));
  expect(usual).toStartWith("0755 0:0 ");
  // Who lets nobody else read what he makes, and lives in Japan.
  expect(await asUser(0o077, "Asia/Tokyo", async () => await made("two"))).toBe(usual);
});

test("a packed disk is the one that was made, its large programs compressed and nothing else", async () => {
  await using home = await tempHome({ images: false });
  const { disk } = await makeDisk(home.path, "build", await smallTar(home.path));
  const [made, packed] = ["made.qcow2", "packed.qcow2"].map((name) => join(home.path, name)) as [string, string];
  await said("qemu-img", "convert", "-O", "qcow2", disk, made);
  const compressed = ["/usr/sbin/dockerd", "/home/user/file"];
  await packDisk({ raw: disk, disk: packed, folder: home.path, compressed, signal: undefined });
  expect(await said("qemu-img", "compare", made, packed)).toContain("Images are identical.");
  const check = JSON.parse(await said("qemu-img", "check", "--output=json", packed));
  // 588,889 bytes are 8 whole clusters and a rest; a small file shares its cluster and stays as it is.
  expect([7, 8]).toContain(check["compressed-clusters"]);
  expect(await readdir(home.path)).not.toContain("large.raw");
});

test("of a file's extents only whole clusters count", () => {
  const extents = [
    "Level Entries       Logical          Physical Length Flags",
    " 1/ 1   1/  3     0 -  9999     15 - 10014  10000 ",
    " 1/ 1   2/  3 10000 - 10020     17 -    37     21 ",
    " 1/ 1   3/  3 10021 - 10036   4096 -  4111     16 ",
  ].join("\n");
  const at = (block: number) => root.offsetBytes + block * 4096;
  expect(clusterRuns(extents)).toEqual([
    { offsetBytes: at(16), sizeBytes: 9_984 * 4096 },
    { offsetBytes: at(4096), sizeBytes: 65_536 },
  ]);
});
