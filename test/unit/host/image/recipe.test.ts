/** The Debian recipe's fixed words: partitions, kernel arguments, files. */
import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Glob } from "bun";
import { debianFiles, debianLinks } from "../../../../src/host/image/build/debian-files.ts";
import { diskBytes, esp, root, sfdiskScript } from "../../../../src/host/image/build/partitions.ts";
import { kernelCommandLine, packagesFor, pathFilters } from "../../../../src/host/image/build/recipe.ts";
import { guestFiles } from "../../../../src/host/image/guest-files.ts";

const programs = { qn: "/opt/qn", nft: "/opt/nft" };
const guestFolder = join(import.meta.dir, "../../../../guest");

test("the kernel's command line of each architecture", () => {
  const words = "root=UUID=5f6b5a3e-5a9e-4b0e-9a54-6d4b7f0c0003 rootfstype=ext4 rw rootwait net.ifnames=0 panic=-1";
  expect([kernelCommandLine("x86_64"), kernelCommandLine("aarch64")]).toEqual([
    `${words} lsm=landlock,yama cryptomgr.notests loglevel=4 console=ttyS0 earlyprintk=serial,ttyS0,115200 nopku`,
    `${words} lsm=landlock,yama cryptomgr.notests loglevel=4 console=ttyAMA0`,
  ]);
});

test("the kernel is never a cloud kernel, which has no 9p", () => {
  const kernels = [packagesFor("x86_64"), packagesFor("aarch64")].map((names) =>
    names.filter((name) => name.startsWith("linux-image")),
  );
  expect(kernels).toEqual([["linux-image-amd64"], ["linux-image-arm64"]]);
});

test("of the emulators a guest has those of the other processors, with all that the kernel needs to use them", () => {
  const emulators = (arch: "x86_64" | "aarch64") =>
    pathFilters(arch)
      .filter((filter) => filter.startsWith("path-include=/usr/bin/qemu-"))
      .map((filter) => filter.slice("path-include=/usr/bin/qemu-".length));
  expect([emulators("x86_64"), emulators("aarch64")]).toEqual([
    ["aarch64", "arm"],
    ["x86_64", "i386", "arm"],
  ]);
  expect(pathFilters("x86_64").filter((filter) => filter.includes("arm"))).toEqual([
    "path-include=/usr/bin/qemu-arm",
    "path-include=/usr/libexec/qemu-binfmt/arm-binfmt-P",
    "path-include=/usr/lib/binfmt.d/qemu-arm.conf",
    "path-include=/usr/share/qemu/binfmt.d/qemu-arm.conf",
  ]);
});

test("the partition table in sfdisk's words", () => {
  expect(sfdiskScript("x86_64").split("\n")).toEqual([
    "label: gpt",
    "label-id: 5f6b5a3e-5a9e-4b0e-9a54-6d4b7f0c0000",
    'start=2048, size=131072, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, uuid=5f6b5a3e-5a9e-4b0e-9a54-6d4b7f0c0001, name="esp"',
    'start=133120, size=12447744, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, uuid=5f6b5a3e-5a9e-4b0e-9a54-6d4b7f0c0002, name="root"',
    "",
  ]);
});

test("the partitions follow each other and leave room for the table's copy", () => {
  expect(root.offsetBytes).toBe(esp.offsetBytes + esp.sizeBytes);
  expect(diskBytes - root.offsetBytes - root.sizeBytes).toBe(1024 * 1024);
});

test("every file of guest/ goes into a guest, whole but for its placeholders", async () => {
  const texts = guestFiles(programs).map(({ text }) => text);
  const sources: string[] = [];
  for await (const path of new Glob("**/*").scan({ cwd: guestFolder })) {
    // NixOS' alone: Debian makes no system of a flake.
    if (path.includes("specialise")) continue;
    const text = await Bun.file(join(guestFolder, path)).text();
    sources.push(text.replaceAll("@qn@", programs.qn).replaceAll("@nft@", programs.nft));
  }
  expect(texts.toSorted()).toEqual(sources.toSorted());
});

test("no placeholder is left in a guest", () => {
  expect(guestFiles(programs).filter(({ text }) => /@[a-z]+@/.test(text))).toEqual([]);
});

test("no two parts of the recipe want the same path", () => {
  const paths = [...guestFiles(programs), ...debianFiles, ...debianLinks].map(({ path }) => path);
  expect(paths.toSorted()).toEqual([...new Set(paths)].toSorted());
});

test("sudo refuses a file that others may write, so its file is read-only", () => {
  const sudoers = guestFiles(programs).find(({ path }) => path === "/etc/sudoers.d/qn");
  expect(sudoers?.mode).toBe(0o440);
});

test("no unit is both started and masked", () => {
  const named = debianLinks.map(({ path, target }) => ({ name: path.slice(path.lastIndexOf("/") + 1), target }));
  const masked = named.filter(({ target }) => target === "/dev/null").map(({ name }) => name);
  const started = named.filter(({ target }) => target !== "/dev/null").map(({ name }) => name);
  expect(started).toEqual([
    "qn-firewall.service",
    "qn-agent.socket",
    "qn-binfmt.service",
    "qn-agent.service",
    "qn-provision.service",
    "qn-grow-root.service",
    "systemd-networkd.service",
    "systemd-userdbd.socket",
  ]);
  expect(started.filter((name) => masked.includes(name))).toEqual([]);
});

test("a guest's sysctls are never below those that NixOS has by itself", async () => {
  const read = (path: string) => readFile(join(guestFolder, path), "utf8");
  const ours = new Map(
    [...(await read("sysctl.conf")).matchAll(/^([^#\s]+) = (.+)$/gm)].map(([, name = "", value]) => [name, value]),
  );
  type Value = { readonly name: string; readonly value: number };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the repository's own file
  const nixos = (JSON.parse(await read("../nix/check/sysctl.json")) as Value[]).filter(({ name }) => ours.has(name));
  expect(nixos.map(({ name }) => name)).toEqual([
    "fs.inotify.max_user_instances",
    "fs.inotify.max_user_watches",
    "vm.max_map_count",
  ]);
  for (const { name, value } of nixos) expect(Number(ours.get(name)), name).toBeGreaterThanOrEqual(value);
});
