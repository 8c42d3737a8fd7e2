/**
 * What the NixOS module makes of guest/, in place of the Debian guest's own files: a guest of that kind is made into an image, and the
 * end-to-end tests of ports, files and life run on it.
 */
import { afterAll, expect } from "bun:test";
import { mkdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { guestFiles } from "../../src/host/image/guest-files.ts";
import { formatManifest, parseManifest } from "../../src/host/image/manifest.ts";
import { hashOf } from "../../src/host/image/store.ts";
import { nixosFiles, specialiseScript, storeScript, writeScript } from "../support/nixos-files.ts";
import { evaluated } from "../support/nix.ts";
import { repository, runProgram } from "../support/program.ts";
import { inGuest } from "../support/stand-in-nixos.ts";
import { sharedImages } from "../support/temp-home.ts";
import { bootVm, type Vm } from "../support/vm.ts";

/** The images of this file, for the files of tests that run on them. */
const images = join(repository, "dist/e2e/nixos-guest");

/** Ports, files and life, names, and machines of systemd-nspawn. */
const files = ["e2e/names", "e2e/ports", "e2e/files", "e2e/crash", "e2e/whole-path", "long/containers"] as const;

/** A boot, or a whole file of tests, on a machine that is busy with others. */
const limitsMs = { image: 900_000, file: 1_800_000 };

afterAll(() => rm(images, { recursive: true, force: true }));

/** The stopped VM's system as an image of the same name as its own, so that every test takes it for the usual one. */
async function keepAsImage(vm: Vm, arch: string): Promise<void> {
  const folder = join(images, `debian-${arch}`);
  await mkdir(folder, { recursive: true });
  const disk = join(folder, "disk.qcow2");
  await vm.succeed(["qemu-img", "convert", "-O", "qcow2", join(vm.folder, "system.qcow2"), disk]);
  const original = join(sharedImages, basename(folder), "image.json");
  const manifest = parseManifest(await Bun.file(original).text(), original);
  const { size: sizeBytes } = Bun.file(disk);
  const made = { ...manifest, kernel: undefined, disk: { ...manifest.disk, sha256: await hashOf(disk), sizeBytes } };
  await Bun.write(join(folder, "image.json"), formatManifest(made));
}

/** Not in the module's files: on NixOS dockerd starts containerd itself, and sudo's words are in sudo's own file. */
const elsewhere = new Set(["/etc/systemd/system/containerd.service.d/qn.conf", "/etc/sudoers.d/qn"]);

evaluated("each file of the Debian guest has a namesake among the NixOS module's", ["guest"], async () => {
  const rendered = await nixosFiles("x86_64-linux");
  const own = guestFiles({ qn: "qn", nft: "nft" }).map(({ path }) => path);
  expect(own.filter((path) => !rendered.has(path) && !elsewhere.has(path))).toEqual([]);
});

evaluated(
  "the NixOS module's files take the place of the Debian guest's, and the guest boots with them",
  ["guest"],
  async () => {
    const vm = await bootVm();
    let arch: string;
    try {
      arch = await inGuest(vm.folder, "uname -m");
      const rendered = await nixosFiles(`${arch}-linux`);
      const specialise = await Bun.file(specialiseScript).text();
      // /bin/bash is Debian's; a machine's own id would be every VM's.
      const last = "systemctl daemon-reload; systemctl --quiet enable qn-specialise.service; : > /etc/machine-id; sync";
      await inGuest(vm.folder, [storeScript(rendered, specialise), writeScript(rendered), last].join("\n"));
      await vm.qn("down");
      await keepAsImage(vm, arch);
    } catch (error) {
      console.log(await vm.diagnosis());
      throw error;
    } finally {
      await vm[Symbol.asyncDispose]();
    }
    await using again = await bootVm({ images });
    const shown = "systemctl show --property=ExecStart --property=Environment --property=DropInPaths qn-agent.service";
    const said = await inGuest(again.folder, shown);
    expect(said).toMatch(/path=\/nix\/store\/\w+-qn-agent-[\d.]+\/bin\/qn /);
    expect(said).toContain("Environment=PATH=/nix/store/");
    expect(await inGuest(again.folder, "systemctl --failed --plain --no-legend")).toBe("");
    expect(await again.docker("run", "--rm", "busybox", "echo", "well")).toBe("well");
  },
  limitsMs.image,
);

for (const name of files) {
  evaluated(
    `the tests of ${name} pass on a guest with the NixOS module's files`,
    ["guest"],
    async () => {
      const command = [process.execPath, "test", "--timeout=60000", `./test/${name}.test.ts`];
      const env = { ...process.env, QN_TEST_IMAGES: images };
      const { exitCode, stdout, stderr } = await runProgram(command, { cwd: repository, env });
      if (exitCode !== 0) console.log(`${stdout}\n${stderr}`);
      const passed = Number(/^ *(\d+) pass$/m.exec(stderr)?.[1]);
      expect([exitCode, passed > 0]).toEqual([0, true]);
    },
    limitsMs.file,
  );
}
