/** VMs that a host declares: what NixOS, nix-darwin and home-manager make of services.qn. */
import { expect, test } from "bun:test";
import { leaves } from "../../../src/host/config/schema.ts";
import { checkFile } from "../../../src/host/config/load.ts";
import { valueAt } from "../../../src/host/config/setting.ts";
import { renderUnit } from "../../../src/host/integrate/service/service-files.ts";
import { findProgram, run } from "../../../src/system/process.ts";
import { evaluated, systems, valueOf } from "../../support/nix.ts";
import { verdictOn } from "../../support/unit-verdict.ts";

type Host = {
  readonly units: Readonly<Record<string, string>>;
  readonly wantedBy: Readonly<Record<string, readonly string[]>>;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly tmpfiles: readonly string[];
  readonly users: Readonly<Record<string, unknown>>;
};

type Darwin = { readonly plists: Readonly<Record<string, string>>; readonly settings: unknown; readonly etc: unknown };

type Home = {
  readonly units: Readonly<Record<string, { readonly Service: Readonly<Record<string, unknown>> }>>;
  readonly agents: Readonly<Record<string, string>>;
  readonly files: readonly string[];
};

const declared = (vms: string, more = ""): string => `{ services.qn = { enable = true; vms = { ${vms} }; }; ${more} }`;

/** The lines of a unit's section that a service manager acts on, without the command and its surroundings. */
function serviceLines(unit: string): readonly string[] {
  const section = /\[Service\]\n([^]*?)(?:\n\[|$)/.exec(unit)?.[1] ?? "";
  return section
    .split("\n")
    .filter((line) => /^[A-Z]/.test(line) && !/^(Exec|Environment|Standard|User|Group|Supplementary|X-)/.test(line))
    .toSorted();
}

evaluated(
  "on NixOS a VM is a service like that of `qn service install`, and systemd likes all of it",
  ["host"],
  async () => {
    for (const system of systems.linux) {
      const { units, wantedBy, users, tmpfiles } = await valueOf<Host>(
        "host",
        system,
        declared('web.bridge = "br-lan"; default = { }; off.enable = false; by-hand.autoStart = false;'),
      );
      expect(Object.keys(units)).toEqual(["qn-by-hand", "qn-default", "qn-web", "qn-web-tap"]);
      const files = Object.fromEntries(Object.entries(units).map(([name, text]) => [`${name}.service`, text]));
      expect(await verdictOn(files)).toEqual([]);
      const installed = renderUnit({ vm: "web", name: "web", command: ["/qn"], environment: {}, log: "/log" });
      for (const name of ["qn-default", "qn-web"])
        expect(serviceLines(units[name] ?? "")).toEqual(serviceLines(installed));
      expect(wantedBy).toMatchObject({ "qn-web": ["multi-user.target"], "qn-by-hand": [], "qn-web-tap": [] });
      expect([users, tmpfiles]).toEqual([
        { qn: { isSystemUser: true, group: "qn", home: "/var/lib/qn-vms" } },
        ["d /var/lib/qn-vms 0700 qn qn -"],
      ]);
    }
  },
);

evaluated("the verdict on units would find a wrong one", ["host"], async () => {
  const { units } = await valueOf<Host>("host", "x86_64-linux", declared("web = { };"));
  const wrong = (units["qn-web"] ?? "").replace("Type=notify", "Type=nothing");
  expect((await verdictOn({ "qn-web.service": wrong })).join("\n")).toContain("nothing");
});

evaluated(
  "a VM in a bridge has a TAP device there before it starts, of its user's and gone when it is not needed",
  ["host"],
  async () => {
    const { units, settings } = await valueOf<Host>(
      "host",
      "x86_64-linux",
      `{ services.qn = { enable = true; user = "ann"; vms.a-name-that-is-long.bridge = "br-lan"; }; }`,
    );
    const tap = units["qn-a-name-that-is-long-tap"] ?? "";
    const device = /dev (qn-\w+) mode tap user ann\n/.exec(tap)?.[1] ?? "";
    expect(device.length).toBe(15);
    expect(tap).toContain(`link set dev ${device} master br-lan up\n`);
    expect(tap).toContain(String.raw`BindsTo=sys-subsystem-net-devices-br\x2dlan.device`);
    expect(units["qn-a-name-that-is-long"]).toContain("Requires=qn-a-name-that-is-long-tap.service\n");
    expect(valueAt(settings, "a-name-that-is-long.network.tap")).toBe(device);
  },
);

evaluated(
  "VMs share one image of the Nix store, which stays while one of them has a disk on it",
  ["host"],
  async () => {
    const { units, settings } = await valueOf<Host>(
      "host",
      "x86_64-linux",
      `{ pkgs, ... }: let image = pkgs.writeText "image" "x"; in ${declared("a.image = image; b.image = image;")}`,
    );
    const [a, b] = ["a", "b"].map((name) => valueAt(settings, `${name}.image`));
    expect(a).toMatch(/^\/nix\/store\/\w+-image$/);
    expect(b).toBe(a);
    for (const name of ["a", "b"]) {
      expect(units[`qn-${name}`]).toMatch(
        new RegExp(`ExecStartPre=\\+/nix/store/\\S+/bin/ln -sfn ${String(a)} /nix/var/nix/gcroots/qn-${name}\n`),
      );
    }
  },
);

/** A value for each kind of setting. */
const samples: Readonly<Record<string, string>> = {
  arch: '"aarch64"',
  cpus: "3",
  memoryMiB: "1024",
  diskGiB: "8",
  volumes: '[ { name = "cache"; sizeGiB = 1; } ]',
  image: '"mine"',
  boot: '"uefi"',
  imageUrl: '"https://mirror.example/qn"',
  imageKey: '"/mirror.pem"',
  flake: '"/home/ann/machines#web"',
  accel: '"tcg"',
  mounts: '[ { path = "/srv"; readOnly = true; security = "mapped-xattr"; } ]',
  "files.driver": '"virtiofs"',
  "files.tmp": '"none"',
  "files.missing": '"create"',
  "files.sockets": '[ "ssh-agent" ]',
  "files.listen": '"all"',
  "ports.bind": '"all"',
  "ports.deny": '[ 22 "6000-6063" ]',
  "ports.listen": "true",
  "network.reach": '"all"',
  "network.tap": '"vm0"',
  "network.mac": '"02:00:00:00:00:01"',
  "changes.exclude": '[ "target" ]',
  "changes.entriesMax": "7",
  "docker.context": '"make"',
  "docker.daemon": '{ dns = [ "9.9.9.9" ]; }',
  "docker.caCertificates": '"host"',
  "qemu.cpu": '"max"',
  "qemu.machine": "{ hmat = true; max-ram-below-4g = 1; }",
  "qemu.args": '[ "-d" "guest_errors" ]',
  provision: '[ { run = "true"; when = "once"; } ]',
  down: '"suspend"',
  "idle.after": '"15m"',
  "idle.pause": '"5m"',
  "idle.wake": '"30m"',
  nixBuilder: "true",
  sound: "true",
  window: "false",
  protected: "true",
};

test("there is a value for each setting to be declared with", () => {
  expect(Object.keys(samples)).toEqual(leaves.map(({ path }) => path));
});

evaluated("every setting of qn can be declared, and arrives as it is", ["host"], async () => {
  const words = Object.entries(samples).map(([path, value]) => `web.settings.${path} = ${value};`);
  const { settings } = await valueOf<Host>("host", "x86_64-linux", declared(words.join(" ")));
  const web = valueAt(settings, "web");
  checkFile({ path: "web.json", text: JSON.stringify(web) });
  for (const path of Object.keys(samples)) expect([path, valueAt(web, path)]).not.toEqual([path, undefined]);
  expect(web).toMatchObject({
    mounts: [{ path: "/srv", readOnly: true, security: "mapped-xattr" }],
    ports: { deny: [22, "6000-6063"] },
    qemu: { machine: { hmat: true, "max-ram-below-4g": 1 } },
  });
});

evaluated("what is not declared has qn's own default", ["darwin"], async () => {
  const { settings } = await valueOf<Darwin>("darwin", "aarch64-darwin", declared("web = { };", user));
  expect(settings).toEqual({ web: {} });
});

/** What Nix is told of a builder, on either kind of host. */
const builder = { hostName: "qn-web-builder", protocol: "ssh-ng", sshUser: "root", maxJobs: 2 };

evaluated(
  "a VM of NixOS that builds for its machine is one of Nix' machines, by its own ssh entry",
  ["host"],
  async () => {
    type Builder = { nix: unknown; ssh: string; settings: Record<string, unknown> };
    const { nix, ssh, settings } = await valueOf<Builder>(
      "host",
      "aarch64-linux",
      declared("web = { nixBuilder = true; settings.cpus = 2; }; other = { };"),
    );
    expect(nix).toEqual({
      distributedBuilds: true,
      buildMachines: [{ ...builder, systems: ["aarch64-linux"], supportedFeatures: ["big-parallel"] }],
    });
    expect(ssh).toBe('Match localuser root\n  Include "/var/lib/qn-vms/web/builder_ssh_config"\n');
    expect([valueAt(settings, "web.nixBuilder"), valueAt(settings, "other.nixBuilder")]).toEqual([true, undefined]);
  },
);

evaluated("a Mac's VM that builds for it is a Linux of the Mac's processor", ["darwin"], async () => {
  const web = "web = { nixBuilder = true; settings.cpus = 2; };";
  expect(await valueOf<unknown>("darwin", "aarch64-darwin", declared(web, user))).toMatchObject({
    nix: { distributedBuilds: true, buildMachines: [{ ...builder, systems: ["aarch64-linux"] }] },
    ssh: {
      "ssh/ssh_config.d/100-qn-web-builder.conf":
        'Match localuser root\n  Include "/Users/ann/.qn/web/builder_ssh_config"\n',
    },
    settings: { web: { nixBuilder: true } },
  });
});

const user = 'system.primaryUser = "ann";';

/** Reads a property list with Python's own library. */
async function plist(text: string): Promise<Record<string, unknown>> {
  const reader = "import json,plistlib,sys; print(json.dumps(plistlib.load(sys.stdin.buffer)))";
  const { stdout, stderr } = await run(["python3", "-c", reader], { stdin: Buffer.from(text) });
  if (stderr !== "") throw new Error(stderr);
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** What launchd is told about every VM, whoever tells it. */
const agent = {
  WorkingDirectory: "/",
  RunAtLoad: true,
  KeepAlive: { SuccessfulExit: false },
  ThrottleInterval: 5,
  ExitTimeOut: 120,
  ProcessType: "Interactive",
  SoftResourceLimits: { NumberOfFiles: 65_536 },
  Umask: 63,
  StandardOutPath: "/Users/ann/Library/Logs/qn-web.log",
  StandardErrorPath: "/Users/ann/Library/Logs/qn-web.log",
};

/** What reads a plist on any system. */
const withPlists: typeof evaluated =
  findProgram("python3") === undefined ? (name) => test.skip(name, () => {}) : evaluated;

withPlists(
  "on nix-darwin a VM is an agent in the foreground, whose plist an update of qn leaves alone",
  ["darwin"],
  async () => {
    for (const system of systems.darwin) {
      const { plists, etc } = await valueOf<Darwin>("darwin", system, declared("web.settings.cpus = 2;", user));
      const read = await plist(plists["org.nixos.qn-web.plist"] ?? "");
      expect(read).toMatchObject({
        ...agent,
        Label: "org.nixos.qn-web",
        ProgramArguments: [
          "/bin/sh",
          "-c",
          "/bin/wait4path /nix/store && exec /run/current-system/sw/bin/qn supervise web --service --settings /etc/qn/web.json",
        ],
        EnvironmentVariables: { QN_HOME: "/Users/ann/.qn" },
      });
      expect(read).not.toHaveProperty("AbandonProcessGroup");
      expect(JSON.stringify(read)).not.toMatch(/nix\/store\/\w/);
      expect(etc).toEqual(["qn/web.json"]);
    }
  },
);

withPlists("with home-manager a VM is a service of the user's, on a Mac and on Linux", ["home"], async () => {
  const mac = await valueOf<Home>("home", "aarch64-darwin", declared("web.settings.cpus = 2;"));
  expect(await plist(mac.agents["qn-web"] ?? "")).toMatchObject({
    ...agent,
    ProgramArguments: ["qn", "supervise", "web", "--service", "--settings", "web.json"].map((word) =>
      word === "qn" ? "/Users/ann/.nix-profile/bin/qn" : word === "web.json" ? "/Users/ann/.config/qn/web.json" : word,
    ),
  });
  const linux = await valueOf<Home>("home", "x86_64-linux", declared("web = { }; b.autoStart = false;"));
  expect(linux.files).toEqual(expect.arrayContaining(["qn/b.json", "qn/web.json"]));
  const unit = unitText(linux.units["qn-web"] ?? {});
  expect(await verdictOn({ "qn-web.service": unit.replace("/home/ann/.nix-profile/bin/qn", "/bin/true") })).toEqual([]);
  expect(serviceLines(unit)).toEqual(
    serviceLines(renderUnit({ vm: "web", name: "web", command: ["/qn"], environment: {}, log: "/log" })),
  );
  expect(unit).toContain("WantedBy=default.target\n");
  expect(unitText(linux.units["qn-b"] ?? {})).not.toContain("WantedBy=default.target");
});

/** A unit as home-manager writes it. */
function unitText(unit: object): string {
  return Object.entries(unit)
    .map(([section, values]) => {
      const lines = Object.entries(values as Record<string, unknown>).flatMap(([name, value]) =>
        (Array.isArray(value) ? value : [value]).map((each) => `${name}=${String(each)}\n`),
      );
      return `[${section}]\n${lines.join("")}`;
    })
    .join("\n");
}
