/**
 * `qn deploy FLAKE#NAME` and `qn image build --guest nixos` with a real Nix on both sides: a flake without inputs, whose systems are
 * shaped like NixOS'. It is evaluated on this machine, and built in the guest or here.
 */
import { expect, test as bunTest } from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { giveNix, hiddenStore, nix, ownStore } from "../support/guest-nix.ts";
import { qnProgram, runProgram } from "../support/program.ts";
import { inGuest } from "../support/stand-in-nixos.ts";
import { bootVm, testWithVm, type Vm, type VmTest } from "../support/vm.ts";

const flakeOf = (vm: Vm): string => join(vm.inHome, "machines");

/** What a system is built by, and of what: the name of the machine that has built it is in it. */
const flakeText = (arch: string): string => `{
  outputs = { self }: let
    build = name: script: derivation {
      inherit name;
      system = "${arch}-linux";
      builder = "/bin/sh";
      args = [ "-c" ("PATH=/usr/bin:/bin; set -eu; mkdir -p $out/bin; " + script) ];
    };
    switch = name: ''
      uname -n > $out/built-in
      cat > $out/bin/switch-to-configuration <<END
      #!/bin/sh
      case \\$1 in
        boot) ln -sfn $out /var/lib/boots ;;
        dry-activate) echo would activate \${name} ;;
        test) ln -sfn $out /run/current-system; echo \${name} ;;
      esac
      END
      chmod +x $out/bin/switch-to-configuration
    '';
    image = ''
      { printf 'QFI\\373\\0\\0\\0\\3'; head -c 12 /dev/zero; printf '\\0\\0\\0\\20'; head -c 72 /dev/zero
        printf '\\0\\0\\0\\4\\0\\0\\0\\150'; head -c 8 /dev/zero; } > $out/disk.qcow2
      sum=$(sha256sum $out/disk.qcow2 | cut -d ' ' -f 1)
      echo '{"name":"theirs","version":"26.05","arch":"${arch}","protocol":2,"recipe":"nixos","inputs":"'$sum'","disk":{"sha256":"'$sum'","sizeBytes":112,"virtualSizeBytes":6}}' > $out/image.json
    '';
    machine = name: script: {
      config.system.build.toplevel = build "nixos-system-\${name}-26.05" script;
      config.system.build.qnImage = build "qn-image-\${name}" image;
    };
  in {
    nixosConfigurations = {
      first = machine "first" (switch "first");
      second = machine "second" (switch "second");
      third = machine "third" (switch "third");
      broken = machine "broken" "echo this compiler does not compile; exit 1";
      nothing = machine "nothing" "";
    };
  };
}
`;

/** A VM whose guest has Nix, and runs the flake's first system, which was built in it. */
async function bootWithSystem(): Promise<Vm> {
  const vm = await bootVm();
  await giveNix(vm);
  await mkdir(flakeOf(vm));
  await writeFile(join(flakeOf(vm), "flake.nix"), flakeText(await inGuest(vm.folder, "uname -m")));
  const build = ["nix", "--extra-experimental-features", "nix-command flakes", "build", "--no-link", "--json"];
  const own = here(vm);
  const place = ["--eval-store", own["NIX_REMOTE"] ?? "", "--store", "ssh-ng://root@qn-default"];
  const first = `path:${flakeOf(vm)}#nixosConfigurations.first.config.system.build.toplevel`;
  const env = { ...own, NIX_SSHOPTS: `-F ${join(vm.folder, "ssh_config")}` };
  const { stdout, stderr } = await runProgram([...build, ...place, first], { env });
  if (stdout === "") throw new Error(stderr);
  const [{ outputs }] = JSON.parse(stdout) as [{ outputs: { out: string } }];
  await inGuest(
    vm.folder,
    `mkdir -p /nix/var/nix/profiles; nix-env --profile /nix/var/nix/profiles/system --set ${outputs.out}
     ${outputs.out}/bin/switch-to-configuration boot; ${outputs.out}/bin/switch-to-configuration test`,
  );
  return {
    ...vm,
    async [Symbol.asyncDispose]() {
      // Nix takes away its store's write permission, and only root removes files without that.
      await Bun.$`chmod -R u+w ${own["NIX_REMOTE"] ?? ""}`.nothrow().quiet();
      await vm[Symbol.asyncDispose]();
    },
  };
}

const test: VmTest = nix === undefined ? (name) => bunTest.skip(name, () => {}) : testWithVm(bootWithSystem);

/** The variables of a store of this machine's that is the test's own. */
const here = (vm: Vm): Record<string, string> => hiddenStore(join(vm.inTmp, "nix-here"));

/** Runs qn in the flake's folder with a Nix of these variables; all that it says. */
async function qnThere(
  vm: Vm,
  variables: Readonly<Record<string, string>>,
  ...words: readonly string[]
): Promise<{ exitCode: number; said: string }> {
  const env = { ...vm.env, ...variables };
  const { exitCode, stdout, stderr } = await runProgram([qnProgram, ...words], { cwd: flakeOf(vm), env });
  return { exitCode, said: stdout + stderr };
}

const deploy = (vm: Vm, ...words: readonly string[]) => qnThere(vm, here(vm), "deploy", ...words);

/** What runs, what boots and what the profile has, by the names of systems, and where what runs was built. */
async function systems(vm: Vm): Promise<readonly string[]> {
  const links = "/run/current-system /var/lib/boots /nix/var/nix/profiles/system";
  const said = await inGuest(
    vm.folder,
    `for link in ${links}; do readlink -f $link | sed 's/.*-nixos-system-//; s/-26.05//'; done; cat /run/current-system/built-in`,
  );
  return said.split("\n");
}

test("a dry run builds the system in the guest, shows the difference and changes nothing", async (vm) => {
  const { exitCode, said } = await deploy(vm, ".#second", "--dry-run");
  expect([exitCode, said]).toEqual([0, expect.stringContaining("would activate second")]);
  // What Nix does, and what it has done: the words of `nix build` and of `nix store diff-closures`.
  expect(said).toMatch(/^ {2}building '\/nix\/store\/\w+-nixos-system-second-26.05.drv'/m);
  expect(said).toContain("nixos-system-first: 26.05 → ∅");
  expect(said).toContain("nixos-system-second: ∅ → 26.05");
  expect(await systems(vm)).toEqual(["first", "first", "first", "qn"]);
});

test("a system of a flake is evaluated here, built in the guest, switched to and kept", async (vm) => {
  const { exitCode, said } = await deploy(vm, ".#second");
  expect([exitCode, said]).toEqual([
    0,
    expect.stringMatching(/VM "default" runs \/nix\/store\/\w+-nixos-system-second/),
  ]);
  expect(await systems(vm)).toEqual(["second", "second", "second", "qn"]);
  expect(await vm.docker("run", "--rm", "busybox", "echo", "well")).toBe("well");
});

test("--build host builds it here and copies it", async (vm) => {
  const { exitCode, said } = await deploy(vm, ".#third", "--build", "host");
  expect([exitCode, said]).toEqual([0, expect.stringContaining("built in the host")]);
  const [runs, boots, profile, builtIn] = await systems(vm);
  expect([runs, boots, profile]).toEqual(["third", "third", "third"]);
  expect(builtIn).not.toBe("qn");
});

test("--rollback goes to the generation before, which a collection of garbage has left", async (vm) => {
  await inGuest(vm.folder, "nix-store --gc");
  const { exitCode, said } = await deploy(vm, "--rollback");
  expect([exitCode, said]).toEqual([0, expect.stringContaining("nixos-system-second")]);
  expect(await systems(vm)).toEqual(["second", "second", "second", "qn"]);
});

test("what cannot be built, what the flake does not have and what is no system change nothing, and say why", async (vm) => {
  const broken = await deploy(vm, ".#broken");
  expect([broken.exitCode, broken.said]).toEqual([61, expect.stringContaining("this compiler does not compile")]);
  const missing = await deploy(vm, ".#fourth");
  expect([missing.exitCode, missing.said]).toEqual([61, expect.stringContaining("fourth")]);
  const nothing = await deploy(vm, ".#nothing");
  expect([nothing.exitCode, nothing.said]).toEqual([61, expect.stringContaining("is no NixOS system")]);
  expect(await systems(vm)).toEqual(["second", "second", "second", "qn"]);
});

test("an image of a flake is built in the guest, or here, and is one of qn's", async (vm) => {
  const folder = await mkdtemp("/var/tmp/qn-nix-");
  try {
    const own = ownStore(folder);
    // Both stores have the same paths, as two of /nix/store would.
    const lines = Object.entries(own).filter(([name]) => name.endsWith("_DIR"));
    const exports = lines.map(([name, value]) => `echo export ${name}=${value} >> /etc/nix/env`);
    await inGuest(vm.folder, [`mkdir -p ${folder}`, ...exports].join("\n"));
    for (const [name, more] of [
      ["guest", ["--builder", "default"]],
      ["host", []],
    ] as const) {
      const words = ["image", "build", "--guest", "nixos", "--flake", ".#first", "--name", `by-the-${name}`, ...more];
      expect(await qnThere(vm, own, ...words)).toEqual({
        exitCode: 0,
        said: expect.stringContaining(`Image "by-the-${name}" for`),
      });
    }
    const images = JSON.parse(await vm.qn("image", "ls", "--json")) as readonly { name: string; recipe: string }[];
    const made = images.filter(({ recipe }) => recipe === "nixos");
    expect(made.map(({ name }) => name).toSorted()).toEqual(["by-the-guest", "by-the-host"]);
  } finally {
    await inGuest(vm.folder, "rm -f /etc/nix/env");
    await Bun.$`chmod -R u+w ${folder}`.quiet();
    await rm(folder, { recursive: true, force: true });
  }
});
