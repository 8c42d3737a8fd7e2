/** The Nix modules and packages, evaluated by a real Nix with nothing but nixpkgs' `lib`; skipped where one of them is missing. */
import { expect, test } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { findProgram, run } from "../../../src/system/process.ts";
import { protocolVersion } from "../../../src/protocol/messages.ts";
import { repository } from "../../support/program.ts";

/** nixpkgs' `lib`: where NIXPKGS_LIB says, or that of the channel. */
const lib = process.env["NIXPKGS_LIB"] ?? "<nixpkgs/lib>";
const mayEvaluate = await canEvaluate();

const evaluated = test.skipIf(!mayEvaluate);

type Guest = {
  readonly units: Readonly<Record<string, string>>;
  readonly sockets: Readonly<Record<string, { readonly wantedBy: readonly string[] }>>;
  readonly services: Readonly<Record<string, { readonly wantedBy: readonly string[] }>>;
  readonly etc: Readonly<Record<string, string>>;
  readonly docker: { readonly logDriver: string; readonly settings: Readonly<Record<string, unknown>> };
  readonly kernelParams: readonly string[];
  readonly sysctl: Readonly<Record<string, string>>;
  readonly fileSystems: Readonly<Record<string, { readonly device: string; readonly options: readonly string[] }>>;
  readonly tmpfiles: readonly string[];
  readonly ssh: {
    readonly ports: readonly number[];
    readonly authorizedKeysFiles: readonly string[];
    readonly settings: Readonly<Record<string, string | boolean>>;
    readonly extraConfig: string;
  };
};

async function canEvaluate(): Promise<boolean> {
  if (findProgram("nix-instantiate") === undefined) return false;
  const { exitCode } = await run(["nix-instantiate", "--eval", "-E", `(import ${lib}).version`], {});
  return exitCode === 0;
}

async function evaluate(attribute: string, words: readonly string[]) {
  const command = ["nix-instantiate", "--eval", "--strict", "--json", join(repository, "nix/check"), "-A", attribute];
  return await run([...command, "--arg", "nixpkgsLib", lib, ...words], {});
}

async function guestOf(system: string, module = "{ virtualisation.qn.enable = true; }"): Promise<Guest> {
  const { exitCode, stdout, stderr } = await evaluate("guest", [
    "--argstr",
    "system",
    system,
    "--arg",
    "module",
    module,
  ]);
  if (exitCode !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Guest;
}

const guestFile = (path: string): Promise<string> => readFile(join(repository, "guest", path), "utf8");

evaluated(
  "a NixOS guest runs the units of guest/, with its own programs in them",
  async () => {
    const { units, services, sockets } = await guestOf("x86_64-linux");
    const names = (await readdir(join(repository, "guest/units"))).filter((name) => /\.(service|socket)$/.test(name));
    for (const name of names) {
      const text = units[`lib/systemd/system/${name}`] ?? "";
      expect(text).not.toMatch(/@\w+@/);
      const restored = text.replaceAll(/\/nix\/store\/\S+\/bin\/(?:qn|nftables)\b/g, "PROGRAM");
      expect(restored).toBe((await guestFile(`units/${name}`)).replaceAll(/@(?:qn|nft)@/g, "PROGRAM"));
    }
    // [Install] of a package's unit is not read by NixOS: each unit that has one is wanted by the module too.
    for (const name of names) {
      const wanted = /^WantedBy=(.*)$/m.exec(await guestFile(`units/${name}`))?.[1];
      if (wanted === undefined) continue;
      const own = name.endsWith(".socket") ? sockets : services;
      expect(own[name.replace(/\.\w+$/, "")]?.wantedBy).toEqual([wanted]);
    }
  },
  60_000,
);

evaluated(
  "a NixOS guest keeps the contract that the Debian guest keeps",
  async () => {
    const guest = await guestOf("x86_64-linux");
    for (const file of ["10-uplink.link", "10-uplink.network"]) {
      expect(guest.etc[`systemd/network/${file}`]).toBe(await guestFile(`network/${file}`));
    }
    expect(guest.etc["qn/nftables.conf"]).toBe(await guestFile("nftables.conf"));
    expect(JSON.parse(guest.etc["qn/image.json"] ?? "")).toMatchObject({
      name: "nixos",
      arch: "x86_64",
      protocol: protocolVersion,
      recipe: "nixos",
    });
    const { "live-restore": liveRestore, ...settings } = guest.docker.settings;
    expect(liveRestore).toBe(false);
    const daemon: unknown = JSON.parse(await guestFile("docker/daemon.json"));
    expect({ ...settings, "log-driver": guest.docker.logDriver }).toEqual(
      daemon as typeof settings & { "log-driver": string },
    );
    const sysctl = Object.entries(guest.sysctl).map(([name, value]) => `${name} = ${value}`);
    expect(sysctl.toSorted()).toEqual(linesOf(await guestFile("sysctl.conf")).toSorted());
    expect(guest.tmpfiles).toEqual(linesOf(await guestFile("tmpfiles.conf")));
    for (const line of linesOf(await guestFile("fstab"))) {
      const [device = "", point = ""] = line.split(" ");
      expect(guest.fileSystems[point]?.device).toBe(device);
    }
  },
  60_000,
);

evaluated(
  "sshd of a NixOS guest is set as guest/sshd.conf says",
  async () => {
    const { ssh } = await guestOf("aarch64-linux");
    const said = linesOf(await guestFile("sshd.conf")).map((line) => line.split(/ (.*)/, 2) as [string, string]);
    const inNixOs = new Map<string, string>([
      ...Object.entries(ssh.settings).map(
        ([name, value]) => [name.toLowerCase(), value === true ? "yes" : value === false ? "no" : value] as const,
      ),
      ["port", ssh.ports.join(" ")],
      ["authorizedkeysfile", ssh.authorizedKeysFiles.join(" ")],
      ["hostkey", ssh.extraConfig.replace("HostKey ", "")],
    ]);
    for (const [name, value] of said) expect([name, inNixOs.get(name.toLowerCase())]).toEqual([name, value]);
  },
  60_000,
);

evaluated(
  "both architectures boot to their own serial console",
  async () => {
    expect((await guestOf("x86_64-linux")).kernelParams).toEqual(["console=ttyS0,115200"]);
    expect((await guestOf("aarch64-linux")).kernelParams).toEqual(["console=ttyAMA0"]);
  },
  60_000,
);

const mistakes: Readonly<Record<string, readonly [module: string, words: string]>> = {
  "an unknown option": ["{ virtualisation.qn.enabel = true; }", "virtualisation.qn.enabel"],
  "an unknown option of the agent": ["{ services.qn-agent.packge = null; }", "services.qn-agent.packge"],
  "an image's name with a space": [
    '{ virtualisation.qn = { enable = true; image.name = "my image"; }; }',
    "virtualisation.qn.image.name",
  ],
  "an image's version that is empty": [
    '{ virtualisation.qn = { enable = true; image.version = ""; }; }',
    "virtualisation.qn.image.version",
  ],
  "a text instead of a switch": ['{ virtualisation.qn.enable = "yes"; }', "virtualisation.qn.enable"],
  "a package that is a path": [
    '{ virtualisation.qn.enable = true; services.qn-agent.package = "/usr/bin/qn"; }',
    "services.qn-agent.package",
  ],
};

for (const [name, [module, words]] of Object.entries(mistakes)) {
  evaluated(
    `${name} is refused by name`,
    async () => {
      const { exitCode, stderr } = await evaluate("guest", ["--arg", "module", module]);
      expect(exitCode).not.toBe(0);
      expect(stderr).toContain(words);
    },
    60_000,
  );
}

evaluated(
  "qn brings QEMU and ssh at the end of the path, and the guest's agent brings neither",
  async () => {
    for (const system of ["x86_64-linux", "aarch64-linux", "x86_64-darwin", "aarch64-darwin"]) {
      const { exitCode, stdout, stderr } = await evaluate("packages", ["--argstr", "system", system]);
      if (exitCode !== 0) throw new Error(stderr);
      const packages = JSON.parse(stdout) as Record<string, { name: string; postFixup: string | null }>;
      expect(packages["qn"]?.postFixup).toMatch(/--suffix PATH : \S+-qemu\/bin:\S+-openssh\/bin/);
      expect(packages["qn-agent"]?.postFixup).toBe("");
    }
  },
  60_000,
);

function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}
