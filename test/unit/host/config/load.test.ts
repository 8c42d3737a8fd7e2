/** Settings from the file, the environment and the command line: which one wins. */
import { expect, test } from "bun:test";
import { type Loaded, loadConfig, type Sources } from "../../../../src/host/config/load.ts";
import { leaves, type VmConfig } from "../../../../src/host/config/schema.ts";

const host = { arch: "x86_64", cpus: 8, memoryMiB: 16_384, homeFolder: "/home/ann", os: "linux" } as const;

function load(sources: { file?: string; env?: Sources["env"]; flags?: Sources["flags"] }): Loaded {
  const { file, env = {}, flags = {} } = sources;
  return loadConfig({ host, files: file === undefined ? [] : [{ path: "/c.yaml", text: file }], env, flags });
}

const defaults: VmConfig = {
  arch: "x86_64",
  cpus: 4,
  memoryMiB: 4096,
  diskGiB: 60,
  volumes: [],
  image: "debian",
  boot: "auto",
  imageUrl: "release",
  imageKey: "release",
  flake: "none",
  accel: "auto",
  mounts: [{ path: "/home/ann", readOnly: false }],
  files: { driver: "auto", tmp: "all", missing: "error", sockets: [], listen: "mounts" },
  ports: { bind: "loopback", deny: [], listen: "containers" },
  network: { reach: "all", tap: "none", mac: "auto" },
  changes: { exclude: [".git", "node_modules"], entriesMax: 20_000 },
  docker: { context: "auto", daemon: {}, caCertificates: "none" },
  qemu: { cpu: "auto", machine: {}, args: [] },
  provision: [],
  down: "shutdown",
  idle: { after: "never", pause: "never", wake: "never" },
  nixBuilder: false,
  sound: false,
  window: false,
  protected: false,
};

const paths = leaves.map(({ path }) => path);

/** Every setting's origin is the same one. */
function allFrom(origin: Loaded["origins"][string]): Loaded["origins"] {
  return Object.fromEntries(paths.map((path) => [path, origin]));
}

const origins = allFrom({ from: "default" });

const fromFile = { from: "file", path: "/c.yaml" } as const;

test("without any source every setting has its default", () => {
  expect(load({})).toEqual({ config: defaults, origins });
});

test("defaults follow the host: no more processors than it has, at most half of its memory, never under 512 MiB", () => {
  const sizes = [
    { ...host, cpus: 2, memoryMiB: 6000 },
    { ...host, cpus: 1, memoryMiB: 600 },
  ];
  const taken = sizes.map((size) => loadConfig({ host: size, files: [], env: {}, flags: {} }).config);
  expect(taken.map(({ cpus, memoryMiB }) => [cpus, memoryMiB])).toEqual([
    [2, 3000],
    [1, 512],
  ]);
});

test("a file sets every setting, and each value says that it comes from there", () => {
  const file = `
arch: aarch64
cpus: 2
memoryMiB: 2048
diskGiB: 10
volumes: [{ name: db, sizeGiB: 5 }]
image: mine
boot: uefi
imageUrl: https://mirror/qn
imageKey: /mirror.pem
flake: /m#web
accel: tcg
mounts:
  - path: /srv
  - path: /opt
    readOnly: true
    security: mapped-xattr
    cache: none
files: { driver: virtiofs, tmp: none, missing: create, sockets: [ssh-agent, /srv/s.sock], listen: all }
ports: { bind: all, deny: [22, "6000-6063"], listen: true }
network: { reach: none, tap: vm0, mac: "02:00:00:00:00:01" }
changes: { exclude: [target], entriesMax: 7 }
docker: { context: make, daemon: { dns: [9.9.9.9] }, caCertificates: host }
qemu: { cpu: max, machine: { hmat: true, max-ram-below-4g: 1 }, args: [-d, guest_errors] }
provision: [{ run: "sysctl vm.swappiness=1" }, { run: echo once, when: once }]
down: suspend
idle:
  after: 15m
  pause: 5m
  wake: 30m
nixBuilder: true
sound: true
window: true
protected: true
`;
  expect(load({ file })).toEqual({
    config: {
      arch: "aarch64",
      cpus: 2,
      memoryMiB: 2048,
      diskGiB: 10,
      volumes: [{ name: "db", sizeGiB: 5 }],
      image: "mine",
      boot: "uefi",
      imageUrl: "https://mirror/qn",
      imageKey: "/mirror.pem",
      flake: "/m#web",
      accel: "tcg",
      mounts: [
        { path: "/srv", readOnly: false },
        { path: "/opt", readOnly: true, security: "mapped-xattr", cache: "none" },
      ],
      files: {
        driver: "virtiofs",
        tmp: "none",
        missing: "create",
        sockets: ["ssh-agent", "/srv/s.sock"],
        listen: "all",
      },
      ports: { bind: "all", deny: [22, "6000-6063"], listen: true },
      network: { reach: "none", tap: "vm0", mac: "02:00:00:00:00:01" },
      changes: { exclude: ["target"], entriesMax: 7 },
      docker: { context: "make", daemon: { dns: ["9.9.9.9"] }, caCertificates: "host" },
      qemu: { cpu: "max", machine: { hmat: "on", "max-ram-below-4g": "1" }, args: ["-d", "guest_errors"] },
      provision: [
        { run: "sysctl vm.swappiness=1", when: "boot" },
        { run: "echo once", when: "once" },
      ],
      down: "suspend",
      idle: { after: "15m", pause: "5m", wake: "30m" },
      nixBuilder: true,
      sound: true,
      window: true,
      protected: true,
    },
    origins: allFrom(fromFile),
  });
});

test("the environment wins over the file, the command line over both", () => {
  const file = "cpus: 2\nmemoryMiB: 1024\ndiskGiB: 10\nimage: from-file";
  const env = { QN_CPUS: "3", QN_MEMORY_MIB: "2048", QN_IMAGE: "from-environment" };
  const flags = { cpus: 4, image: "from-flags" };
  expect(load({ file, env, flags })).toEqual({
    config: { ...defaults, cpus: 4, memoryMiB: 2048, diskGiB: 10, image: "from-flags" },
    origins: {
      ...origins,
      cpus: { from: "flag" },
      memoryMiB: { from: "environment", variable: "QN_MEMORY_MIB" },
      diskGiB: fromFile,
      image: { from: "flag" },
    },
  });
});

test("every variable sets its setting, an empty one none", () => {
  const env = {
    QN_ARCH: "aarch64",
    QN_CPUS: "2",
    QN_MEMORY_MIB: "1024",
    QN_DISK_GIB: "20",
    QN_VOLUMES: "[{ name: db, sizeGiB: 5 }]",
    QN_IMAGE: "mine",
    QN_BOOT: "uefi",
    QN_IMAGE_URL: "https://mirror/qn",
    QN_IMAGE_KEY: "/mirror.pem",
    QN_FLAKE: "/m#web",
    QN_ACCEL: "tcg",
    QN_MOUNTS: "[{ path: /srv, readOnly: true }]",
    QN_FILES_DRIVER: "virtiofs",
    QN_FILES_TMP: "none",
    QN_FILES_MISSING: "create",
    QN_FILES_SOCKETS: "[ssh-agent, /srv/s.sock]",
    QN_FILES_LISTEN: "all",
    QN_PORTS_BIND: "all",
    QN_PORTS_DENY: "[22]",
    QN_PORTS_LISTEN: "true",
    QN_NETWORK_REACH: "none",
    QN_NETWORK_TAP: "vm0",
    QN_NETWORK_MAC: "02:00:00:00:00:01",
    QN_CHANGES_EXCLUDE: "[dist]",
    QN_CHANGES_ENTRIES_MAX: "5",
    QN_DOCKER_CONTEXT: "make",
    QN_DOCKER_DAEMON: "{ dns: [9.9.9.9] }",
    QN_DOCKER_CA_CERTIFICATES: "host",
    QN_QEMU_CPU: "max",
    QN_QEMU_MACHINE: "{ hmat: on, max-ram-below-4g: 1 }",
    QN_QEMU_ARGS: "[-d, guest_errors]",
    QN_PROVISION: "[{ run: 'true', when: once }]",
    QN_DOWN: "suspend",
    QN_IDLE_AFTER: "15m",
    QN_IDLE_PAUSE: "5m",
    QN_IDLE_WAKE: "30m",
    QN_NIX_BUILDER: "true",
    QN_SOUND: "true",
    QN_WINDOW: "false",
    QN_PROTECTED: "true",
  };
  expect(Object.keys(env)).toEqual(leaves.map(({ variable }) => variable));
  const loaded = load({ env: { ...env, QN_HOME: "/elsewhere" } });
  expect(loaded).toEqual({
    config: {
      arch: "aarch64",
      cpus: 2,
      memoryMiB: 1024,
      diskGiB: 20,
      volumes: [{ name: "db", sizeGiB: 5 }],
      image: "mine",
      boot: "uefi",
      imageUrl: "https://mirror/qn",
      imageKey: "/mirror.pem",
      flake: "/m#web",
      accel: "tcg",
      mounts: [{ path: "/srv", readOnly: true }],
      files: {
        driver: "virtiofs",
        tmp: "none",
        missing: "create",
        sockets: ["ssh-agent", "/srv/s.sock"],
        listen: "all",
      },
      ports: { bind: "all", deny: [22], listen: true },
      network: { reach: "none", tap: "vm0", mac: "02:00:00:00:00:01" },
      changes: { exclude: ["dist"], entriesMax: 5 },
      docker: { context: "make", daemon: { dns: ["9.9.9.9"] }, caCertificates: "host" },
      qemu: { cpu: "max", machine: { hmat: "on", "max-ram-below-4g": "1" }, args: ["-d", "guest_errors"] },
      provision: [{ run: "true", when: "once" }],
      down: "suspend",
      idle: { after: "15m", pause: "5m", wake: "30m" },
      nixBuilder: true,
      sound: true,
      window: false,
      protected: true,
    },
    origins: Object.fromEntries(leaves.map(({ path, variable }) => [path, { from: "environment", variable }] as const)),
  });
  expect(load({ env: Object.fromEntries(Object.keys(env).map((name) => [name, ""])) })).toEqual({
    config: defaults,
    origins,
  });
});

test("a file or a section that is empty, or only remarks, changes nothing", () => {
  for (const file of ["ports: {}", "", "\n\n", "# nothing yet\n", "---\n"])
    expect(load({ file }).config).toEqual(defaults);
});

test("every setting has a line of help of its own", () => {
  const lines = leaves.map(({ help }) => help);
  expect(lines.filter((line) => !/^[A-Z].*\.$/.test(line))).toEqual([]);
  expect(new Set(lines).size).toBe(paths.length);
});
