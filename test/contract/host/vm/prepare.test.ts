/** Everything that keeps a VM from starting is found before anything is touched. */
import { expect, test } from "bun:test";
import { mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { prepareVm } from "../../../../src/host/vm/prepare.ts";
import { hashOf } from "../../../../src/host/image/store.ts";
import { qemuArgs } from "../../../../src/host/qemu/args.ts";
import { ownArch } from "../../../../src/system/platform.ts";
import { failureOf } from "../../../support/failures.ts";
import { type FakeVm, fakeVm } from "../../../support/fake-vm.ts";
import { newFolder } from "../../../support/folder.ts";

/** What a start fails with once `spoil` has been at it; nothing may have been made. */
async function failureAfter(spoil: (vm: FakeVm) => Promise<unknown>, env: Record<string, string> = {}) {
  await using vm = await fakeVm("boots");
  await spoil(vm);
  const { code, message, details } = await failureOf(() => vm.up({ env: { ...vm.env, ...env } }));
  expect([await vm.files(), vm.told]).toEqual([[], []]);
  return { code, message: message.replaceAll(vm.layout.home, ""), details };
}

test("an image that is not there", async () => {
  expect(await failureAfter((vm) => rm(vm.layout.images, { recursive: true }))).toEqual({
    code: "IMAGE_MISSING",
    message: `There is no image "debian" for ${ownArch()} in /_images.`,
    details: undefined,
  });
});

test("an image that is not whole", async () => {
  const disk = (vm: FakeVm): string => join(vm.layout.image("debian", ownArch()), "disk.qcow2");
  const { code, message } = await failureAfter(async (vm) => {
    const bytes = await Bun.file(disk(vm)).bytes();
    bytes[bytes.length - 1] = 1;
    await writeFile(disk(vm), bytes);
  });
  expect([code, /^"\/_images\/sha256-[0-9a-f]{64}\/disk\.qcow2" has the SHA-256 /.test(message)]).toEqual([
    "IMAGE_CORRUPT",
    true,
  ]);
});

test("a QEMU that is not there", async () => {
  expect(await failureAfter(async () => {}, { QN_QEMU: "/nowhere/qemu" })).toEqual({
    code: "QEMU_MISSING",
    message: 'QN_QEMU names "/nowhere/qemu", which is not a program.',
    details: undefined,
  });
});

test("firmware that is not there", async () => {
  expect(await failureAfter(async () => {}, { QN_FIRMWARE: "/nowhere/firmware.fd" })).toMatchObject({
    code: "FIRMWARE_MISSING",
    message: "QN_FIRMWARE names /nowhere/firmware.fd, which cannot be used.",
  });
});

test("settings that are wrong, those that only the host can judge included", async () => {
  expect(await failureAfter(async () => {}, { QN_ACCEL: "warp", QN_CPUS: "none" })).toEqual({
    code: "CONFIG_INVALID",
    message: "2 settings are wrong.",
    details: [
      'cpus must be a number, got "none" (QN_CPUS)',
      'accel must be one of auto, kvm, hvf, tcg, got "warp" (QN_ACCEL)',
    ],
  });
  const other = process.platform === "darwin" ? "kvm" : "hvf";
  expect((await failureAfter(async () => {}, { QN_ACCEL: other })).code).toBe("ACCEL_UNAVAILABLE");
});

test("shares that cannot be shown, all of them at once and by name", async () => {
  await using vm = await fakeVm("boots");
  await using folder = await newFolder();
  const at = (name: string): string => join(folder.path, name);
  await writeFile(at("file"), "");
  await symlink("/etc", at("link"));
  await symlink("/nowhere/at-all", at("dangling"));
  const paths = [
    "/nowhere/at-all",
    at("file"),
    at("link"),
    at("dangling"),
    vm.layout.home,
    "/",
    "/usr/lib",
    folder.path,
  ];
  const mounts = paths.map((path) => ({ path, readOnly: false }));
  // QEMU is not even looked for: that it is missing would be said otherwise.
  const env = { ...vm.env, QN_QEMU: "/nowhere/qemu" };
  expect(await failureOf(() => vm.up({ flags: { mounts }, env }))).toEqual({
    code: "CONFIG_INVALID",
    message: "7 folders cannot be mounted.",
    details: [
      "mounts: no such folder: /nowhere/at-all",
      `mounts: not a folder: ${at("file")}`,
      `mounts: ${at("link")}, which leads to /etc, cannot be mounted, because /etc is the guest's own`,
      `mounts: no such folder: ${at("dangling")}`,
      `mounts: ${vm.layout.home} is in QN_HOME (${vm.layout.home}), which is never mounted`,
      "mounts: / cannot be mounted, because / is the guest's own",
      "mounts: /usr/lib cannot be mounted, because /usr is the guest's own",
    ],
  });
  expect(await vm.files()).toEqual([]);
});

/** Gives the VM's image a kernel of its own. */
async function giveKernel(vm: FakeVm): Promise<string> {
  const folder = vm.layout.image("debian", ownArch());
  const fileOf = async <Name extends string>(file: Name) => {
    await writeFile(join(folder, file), file);
    return { file, bytes: file.length, sha256: await hashOf(join(folder, file)) };
  };
  const path = join(folder, "image.json");
  const kernel = { commandLine: "rw", files: [await fileOf("kernel"), await fileOf("initrd")] };
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, "utf8")), kernel }));
  return folder;
}

/** The kernel that a VM starts with when the setting `boot` says this. */
async function kernelWith(vm: FakeVm, boot: "auto" | "kernel" | "uefi") {
  return (await prepareVm(vm.layout, vm.paths, vm.env, { mounts: [], memoryMiB: 512, boot })).spec.kernel;
}

test("an image without a kernel of its own starts by the firmware, and cannot do otherwise", async () => {
  await using vm = await fakeVm("boots");
  expect([await kernelWith(vm, "auto"), await kernelWith(vm, "uefi")]).toEqual([undefined, undefined]);
  await expect(kernelWith(vm, "kernel")).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: 'boot is "kernel", but the image "debian" (1) has no kernel of its own.',
  });
});

test("an image's own kernel is what starts, unless the settings want the firmware", async () => {
  await using vm = await fakeVm("boots");
  await giveKernel(vm);
  const { kernel = "", initrd = "" } = (await kernelWith(vm, "kernel")) ?? {};
  expect([await readFile(kernel, "utf8"), await readFile(initrd, "utf8")]).toEqual(["kernel", "initrd"]);
  const own = { kernel, initrd, commandLine: "rw" };
  // On ARM it goes by way of the firmware, which nobody has seen to be quicker.
  const byItself = ownArch() === "x86_64" ? own : undefined;
  const kernels = [await kernelWith(vm, "auto"), await kernelWith(vm, "kernel"), await kernelWith(vm, "uefi")];
  expect(kernels).toEqual([byItself, own, undefined]);
});

test("a kernel that is not the image's is refused", async () => {
  const { code, message } = await failureAfter(async (vm) => {
    await writeFile(join(await giveKernel(vm), "kernel"), "kermel");
  });
  expect([code, /^"\/_images\/[\w-]+\/kernel" has the SHA-256 /.test(message)]).toEqual(["IMAGE_CORRUPT", true]);
});

test("a link to a folder of people's is shared where it leads to", async () => {
  await using vm = await fakeVm("boots");
  await using folder = await newFolder();
  const real = join(folder.path, "real, with comma");
  const link = join(folder.path, "link");
  await mkdir(real);
  await symlink(real, link);
  const prepared = await prepareVm(vm.layout, vm.paths, vm.env, {
    mounts: [{ path: link, readOnly: true, security: "mapped-xattr", cache: "loose" }],
    memoryMiB: 512,
  });
  const share = { path: real, readOnly: true, security: "mapped-xattr", cache: "loose" } as const;
  expect(prepared.shares[0]).toEqual({ tag: "qn0", ...share, folder: real, links: [link] });
  const [fsdev] = qemuArgs(prepared.spec, { gate: 1, ssh: 2 }).filter((word) => word.startsWith("local,id=qn0"));
  expect(fsdev).toBe(
    `local,id=qn0,path=${real.replace(",", ",,")},security_model=mapped-xattr,multidevs=remap,readonly=on`,
  );
});

test("a QN_HOME that is a file", async () => {
  await using vm = await fakeVm("boots");
  await rm(vm.layout.home, { recursive: true });
  await writeFile(vm.layout.home, "");
  const { code, message } = await failureOf(() => vm.up());
  expect([code, message.startsWith(`QN_HOME is "${vm.layout.home}", which cannot be written to: `)]).toEqual([
    "HOME_UNUSABLE",
    true,
  ]);
});
