/** A second Nix store on this machine builds in the guest through ssh-ng, with the Nix that this machine has. */
import { expect, test as bunTest } from "bun:test";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../src/system/process.ts";
import { giveNix, nix } from "../support/guest-nix.ts";
import { inGuest } from "../support/stand-in-nixos.ts";
import { bootVm, testWithVm, type Vm, type VmTest } from "../support/vm.ts";

async function bootBuilder(): Promise<Vm> {
  return await bootVm({
    before: async (vm) => {
      await mkdir(vm.folder);
      await Bun.write(join(vm.folder, "config.yaml"), "nixBuilder: true\n");
    },
  });
}

const test: VmTest = nix === undefined ? (name) => bunTest.skip(name, () => {}) : testWithVm(bootBuilder);

const builderSsh = (vm: Vm): string => join(vm.folder, "builder_ssh_config");

test("the builder's key does nothing but build", async (vm) => {
  const ssh = ["ssh", "-T", "-F", builderSsh(vm), "qn-default-builder", "cat /etc/shadow"];
  const { stdout, exitCode } = await run(ssh);
  expect([exitCode === 0, stdout]).toEqual([false, ""]);
  const forward = await run(["ssh", "-T", "-F", builderSsh(vm), "-W", "127.0.0.1:1022", "qn-default-builder"]);
  expect([forward.exitCode === 0, forward.stdout]).toEqual([false, ""]);
});

test("a derivation of this machine is built in the guest, and its output is here", async (vm) => {
  await giveNix(vm);
  const here = await mkdtemp("/var/tmp/qn-store-");
  try {
    const arch = await inGuest(vm.folder, "uname -m");
    const script = "read -r line < /etc/qn/image.json; echo built in $(/bin/uname -n): $line > $out";
    const expression = `derivation { name = "from-the-guest"; system = "${arch}-linux"; builder = "/bin/sh"; args = [ "-c" ''${script}'' ]; }`;
    const { exitCode, stdout, stderr } = await run(
      [
        "nix",
        "--extra-experimental-features",
        "nix-command",
        "build",
        "--no-link",
        "--json",
        "--store",
        here,
        "--max-jobs",
        "0",
        "--option",
        "build-users-group",
        "",
        "--option",
        "substitute",
        "false",
        "--builders",
        `ssh-ng://root@qn-default-builder ${arch}-linux - 1 1 - - -`,
        "--impure",
        "--expr",
        expression,
      ],
      { env: { ...process.env, NIX_SSHOPTS: `-F ${builderSsh(vm)}`, HOME: here } },
    );
    if (exitCode !== 0) throw new Error(stderr);
    const [built] = JSON.parse(stdout) as [{ outputs: { out: string } }];
    const text = await Bun.file(join(here, built.outputs.out)).text();
    expect(text).toMatch(/^built in qn: /);
  } finally {
    await run(["chmod", "-R", "u+w", here]);
    await rm(here, { recursive: true, force: true });
  }
});
