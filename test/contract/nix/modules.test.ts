/** The guest and the packages as Nix makes them: the same guest that the Debian recipe makes. */
import { expect } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { protocolVersion } from "../../../src/protocol/messages.ts";
import { evaluated, systems, valueOf } from "../../support/nix.ts";
import { leftAlone } from "../../support/nspawn.ts";
import { repository } from "../../support/program.ts";
import { verdictOn } from "../../support/unit-verdict.ts";

type Guest = {
  readonly units: Readonly<Record<string, string>>;
  readonly rules: Readonly<Record<string, string>>;
  readonly sockets: Readonly<Record<string, { readonly wantedBy: readonly string[] }>>;
  readonly services: Readonly<Record<string, { readonly wantedBy: readonly string[]; readonly text: string }>>;
  readonly etc: Readonly<Record<string, string>>;
  readonly docker: { readonly logDriver: string; readonly settings: Readonly<Record<string, unknown>> };
  readonly kernelParams: readonly string[];
  readonly sysctl: Readonly<Record<string, string>>;
  readonly fileSystems: Readonly<Record<string, { readonly device: string; readonly options: readonly string[] }>>;
  readonly tmpfiles: readonly string[];
  readonly ssh: {
    readonly ports: readonly number[];
    readonly authorizedKeysFiles: readonly string[];
    readonly settings: Readonly<Record<string, string | number | boolean>>;
    readonly extraConfig: string;
  };
};

const guestOf = (system: string) => valueOf<Guest>("guest", system, "{ virtualisation.qn.enable = true; }");

const guestFile = (path: string): Promise<string> => readFile(join(repository, "guest", path), "utf8");

evaluated("a NixOS guest runs the units of guest/, with its own programs in them", ["guest"], async () => {
  const { units, services, sockets } = await guestOf("x86_64-linux");
  const names = (await readdir(join(repository, "guest/units"))).filter((name) => /\.(service|socket)$/.test(name));
  for (const name of names) {
    const text = units[`lib/systemd/system/${name}`] ?? "";
    expect(text).not.toMatch(/@\w+@/);
    const restored = text.replaceAll(/\/nix\/store\/\S+(?:\/bin\/(?:qn|nft)|specialise\.sh)\b/g, "PROGRAM");
    expect(restored).toBe((await guestFile(`units/${name}`)).replaceAll(/@(?:qn|nft|specialise)@/g, "PROGRAM"));
  }
  // [Install] of a package's unit is not read by NixOS: each unit that has one is wanted by the module too.
  for (const name of names) {
    const wanted = /^WantedBy=(.*)$/m.exec(await guestFile(`units/${name}`))?.[1];
    if (wanted === undefined) continue;
    const own = name.endsWith(".socket") ? sockets : services;
    expect(own[name.replace(/\.\w+$/, "")]?.wantedBy).toEqual([wanted]);
  }
});

evaluated("a NixOS guest keeps the contract that the Debian guest keeps", ["guest"], async () => {
  const guest = await guestOf("x86_64-linux");
  for (const file of ["05-lan.link", "05-lan.network", "10-uplink.link", "10-uplink.network"]) {
    expect(guest.etc[`systemd/network/${file}`]).toBe(await guestFile(`network/${file}`));
  }
  expect(guest.etc["qn/nftables.conf"]).toBe(await guestFile("nftables.conf"));
  expect(guest.rules).toEqual({ "lib/udev/rules.d/90-qn.rules": await guestFile("udev.rules") });
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
  expect(sysctl).toEqual(expect.arrayContaining(linesOf(await guestFile("sysctl.conf"))));
  expect(guest.tmpfiles).toEqual(linesOf(await guestFile("tmpfiles.conf")));
  for (const line of linesOf(await guestFile("fstab"))) {
    const [device = "", point = ""] = line.split(" ");
    expect(guest.fileSystems[point]?.device).toBe(device);
  }
});

evaluated(
  "what a NixOS guest's owner says of a sysctl counts, before qn's number and NixOS' own",
  ["guest"],
  async () => {
    const own = '"vm.max_map_count" = 2000000; "net.ipv4.ip_nonlocal_bind" = false; "kernel.pid_max" = 99999;';
    const module = `{ virtualisation.qn.enable = true; boot.kernel.sysctl = { ${own} }; }`;
    const { sysctl } = await valueOf<Guest>("guest", "x86_64-linux", module);
    expect(sysctl).toMatchObject({
      "vm.max_map_count": "2000000",
      "net.ipv4.ip_nonlocal_bind": "0",
      "kernel.pid_max": "99999",
      "kernel.kptr_restrict": "1",
    });
  },
);

evaluated("networkd leaves the ends of NixOS containers' networks to NixOS", ["guest"], async () => {
  const guest = (containers: string) =>
    valueOf<Guest>("guest", "aarch64-linux", `{ virtualisation.qn.enable = true; containers = { ${containers} }; }`);
  const file = "systemd/network/20-containers.network";
  expect((await guest("site = { }; mail = { };")).etc[file]).toBe(leftAlone(["mail", "site"]));
  expect((await guest("")).etc[file]).toBeUndefined();
});

evaluated("sshd of a NixOS guest is set as guest/sshd.conf says", ["guest"], async () => {
  const { ssh } = await guestOf("aarch64-linux");
  const said = linesOf(await guestFile("sshd.conf")).map((line) => line.trim().split(/ (.*)/, 2) as [string, string]);
  const inNixOs = new Map<string, string>([
    ...Object.entries(ssh.settings).map(
      ([name, value]) => [name.toLowerCase(), value === true ? "yes" : value === false ? "no" : `${value}`] as const,
    ),
    ["port", ssh.ports.join(" ")],
    ["authorizedkeysfile", ssh.authorizedKeysFiles.join(" ")],
    ...linesOf(ssh.extraConfig).map((line) => {
      const [name = "", value = ""] = line.trim().split(/ (.*)/, 2);
      return [name.toLowerCase(), value] as const;
    }),
  ]);
  for (const [name, value] of said) expect([name, inNixOs.get(name.toLowerCase())]).toEqual([name, value]);
});

evaluated("what the agent's services run is in their path, which on NixOS has little", ["guest"], async () => {
  const { services } = await guestOf("x86_64-linux");
  const pathOf = (name: string): readonly string[] =>
    [...(services[name]?.text ?? "").matchAll(/[=:](?:\/nix\/store\/\w+-)?([^:=]+)\/bin(?=:)/g)].map(
      ([, found = ""]) => found,
    );
  const usual = ["coreutils", "findutils", "gnugrep", "gnused", "systemd"];
  expect(pathOf("qn-agent")).toEqual(["e2fsprogs", "iproute2", "nftables", "util-linux", ...usual]);
  expect(pathOf("qn-provision")).toEqual(["/run/current-system/sw", ...usual]);
});

evaluated("both architectures boot to their own serial console", ["guest"], async () => {
  expect((await guestOf("x86_64-linux")).kernelParams).toEqual(["console=ttyS0,115200", "panic=-1"]);
  expect((await guestOf("aarch64-linux")).kernelParams).toEqual(["console=ttyAMA0", "panic=-1"]);
});

evaluated(
  "qn brings QEMU and ssh at the end of the path, and the guest's agent brings neither",
  ["packages"],
  async () => {
    for (const system of [...systems.linux, ...systems.darwin]) {
      const packages = await valueOf<Record<string, { name: string; postFixup: string | null }>>("packages", system);
      expect(packages["qn"]?.postFixup).toMatch(/--suffix PATH : \S+-qemu\/bin:\S+-openssh\/bin/);
      expect(packages["qn-agent"]?.postFixup).toBe("");
    }
  },
);

evaluated("systemd finds nothing wrong with a NixOS guest's units", ["guest"], async () => {
  for (const system of systems.linux) {
    const { units, services } = await guestOf(system);
    const named = Object.entries(units).map(([path, text]) => [path.replace("lib/systemd/system/", ""), text] as const);
    // What NixOS adds to a package's unit.
    const added = Object.entries(services).map(
      ([name, { text }]) => [`${name}.service.d/overrides.conf`, text] as const,
    );
    expect(await verdictOn(Object.fromEntries([...named, ...added]))).toEqual([]);
  }
});

function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}
