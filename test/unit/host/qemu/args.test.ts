/** Whole command lines: every kind of host, plain and with everything on. */
import { shellLine } from "../../../../src/base/shell.ts";
import { expect, test } from "bun:test";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { incomingArgs, qemuArgs, type VmSpec } from "../../../../src/host/qemu/args.ts";
import type { HostFacts } from "../../../../src/host/qemu/facts.ts";
import { hostPlatforms } from "../../../../src/host/qemu/platforms.ts";
import { macOf } from "../../../../src/host/qemu/mac.ts";
import { inheritsMemory } from "../../../../src/host/qemu/memory.ts";
import { type PlanInput, planVm } from "../../../../src/host/qemu/vm-plan.ts";
import type { VmConfig } from "../../../../src/host/config/schema.ts";
import { type Host, configOf, emulating, factsOf, hosts, pathsOf } from "../../../support/host-facts.ts";

/** A command line with one option a line. */
function golden(
  facts: HostFacts,
  changes: Partial<VmConfig> = {},
  kernel?: VmSpec["kernel"],
  argsOf = qemuArgs,
): string {
  const plan = planVm({
    config: configOf(facts, changes),
    facts,
    paths: pathsOf(facts),
  });
  return argsOf({ ...plan, imageDisk: "/images/disk, 1.qcow2", kernel }, { gate: 40_001, ssh: 40_002 })
    .join("\n")
    .replaceAll(/\n(?!-)/g, " ");
}

/** More processors than one interrupt controller serves, an awkward and a read-only share, sound and a window, words of the user's own. */
function everythingOn(host: Host): string {
  const facts = factsOf(host);
  const { audio, display } = hostPlatforms[facts.os];
  const named = { audio: audio.map(({ name }) => name), display: display.map(({ name }) => name) };
  return golden(
    { ...facts, ...named, cpus: 12, sme: host === "darwin/aarch64" },
    {
      cpus: 12,
      memoryMiB: 8192,
      mounts: [
        { path: "/data/a,b, ünï", readOnly: false },
        { path: "/opt/tools", readOnly: true },
      ],
      qemu: {
        cpu: "max,-avx512f",
        machine: { "dump-guest-core": "off" },
        args: ["-device", "virtio-crypto-pci", "-d", "guest_errors"],
      },
      sound: true,
      window: true,
    },
  );
}

/** QEMU reads these three words as they are: a comma is no end. */
const ownKernel = { kernel: "/images/a, b/kernel", initrd: "/images/a, b/initrd", commandLine: "root=UUID=1 rw" };

/** The golden command lines by name; `QN_GOLDEN=write` writes those that the code makes, for a person to compare. */
const goldenFile = join(import.meta.dir, "command-lines.txt");
const cases: Record<string, string> = {
  ...Object.fromEntries(hosts.map((host) => [host, golden(factsOf(host))])),
  ...Object.fromEntries(hosts.map((host) => [`${host}, everything on`, everythingOn(host)])),
  "linux/x86_64, emulated": golden(emulating("linux/x86_64")),
  "linux/aarch64, emulated": golden(emulating("linux/aarch64")),
  "linux/x86_64, with its own kernel": golden(factsOf("linux/x86_64"), {}, ownKernel),
  "darwin/aarch64, with its own kernel": golden(factsOf("darwin/aarch64"), {}, ownKernel),
  "linux/x86_64, in the network of a bridge": golden(factsOf("linux/x86_64"), {
    network: { reach: "all", tap: "qn-web", mac: macOf("here", "/home/ann/.qn/default") },
  }),
  "linux/x86_64, that reaches nothing": golden(factsOf("linux/x86_64"), {
    network: { reach: "none", tap: "none", mac: "auto" },
  }),
};

if (process.env["QN_GOLDEN"] === "write") {
  const sections = Object.entries(cases).map(([name, lines]) => `## ${name}\n${lines}\n`);
  await writeFile(goldenFile, sections.join("\n"));
}

const goldens = Object.fromEntries(
  (await readFile(goldenFile, "utf8"))
    .split(/^## /m)
    .slice(1)
    .map((section) => [section.slice(0, section.indexOf("\n")), section.slice(section.indexOf("\n") + 1).trim()]),
);

for (const [name, lines] of Object.entries(cases)) {
  test(`the command line on ${name}`, () => {
    expect(lines).toBe(goldens[name] ?? "");
  });
}

test("every golden command line belongs to a case", () => {
  expect(Object.keys(goldens)).toEqual(Object.keys(cases));
});

test("firmware without a store of variables has one flash bank", () => {
  const facts = factsOf("linux/x86_64", {
    firmware: { code: "/fw/OVMF.qcow2", codeFormat: "qcow2", vars: undefined },
  });
  const lines = golden(facts).split("\n");
  expect(lines.filter((line) => line.includes("flash") || line.includes("firmware"))).toEqual([
    "-machine q35,vmport=off,pflash0=firmware-code",
    "-blockdev driver=qcow2,node-name=firmware-code,read-only=on,file.driver=file,file.filename=/fw/OVMF.qcow2",
  ]);
});

/** One of each kind. */
const servedAndNot = [
  { path: "/home/ann", readOnly: false, driver: "virtiofs" },
  { path: "/srv", readOnly: true },
] as const;

test("shares that daemons serve are devices of theirs in ports of theirs, on memory that they can map", () => {
  const facts = factsOf("linux/x86_64");
  const lines = golden(facts, { mounts: servedAndNot }).split("\n");
  expect(lines.filter((line) => /memory|fsdev|qn\d/.test(line))).toEqual([
    "-object memory-backend-file,id=memory,size=4096M,mem-path=/proc/self/fd/3,share=on",
    "-machine q35,vmport=off,pflash0=firmware-code,pflash1=firmware-vars,memory-backend=memory",
    "-device pcie-root-port,id=port-qn0,chassis=100,io-reserve=0",
    "-chardev socket,id=qn0,path=/home/ann/.qn/default/qn0.sock",
    "-device vhost-user-fs-pci,bus=port-qn0,id=qn0,chardev=qn0,tag=qn0,queue-size=1024",
    "-fsdev local,id=qn1,path=/srv,security_model=none,multidevs=remap,readonly=on",
    "-device virtio-9p-pci,fsdev=qn1,mount_tag=qn1",
  ]);
});

test("on a Mac daemons map memory that QEMU has made itself, nothing is inherited, and a warning says who has seen it", () => {
  const facts = factsOf("darwin/aarch64");
  const lines = golden(facts, { mounts: servedAndNot }).split("\n");
  expect(lines.filter((line) => /memory|qn0/.test(line))).toEqual([
    "-object memory-backend-shm,id=memory,size=4096M,share=on",
    "-machine virt,pflash0=firmware-code,pflash1=firmware-vars,memory-backend=memory",
    "-device pcie-root-port,id=port-qn0,chassis=100,io-reserve=0",
    "-chardev socket,id=qn0,path=/Users/ann/.qn/default/qn0.sock",
    "-device vhost-user-fs-pci,bus=port-qn0,id=qn0,chardev=qn0,tag=qn0,queue-size=1024",
  ]);
  expect(inheritsMemory(lines)).toBe(false);
  const planned = (host: Host, mounts: PlanInput["config"]["mounts"]) => {
    const of = factsOf(host);
    return planVm({ config: { ...configOf(of), mounts }, facts: of, paths: pathsOf(of) }).warnings;
  };
  expect(planned("darwin/aarch64", servedAndNot)).toEqual([expect.stringContaining("nobody has seen work on macOS")]);
  expect([planned("darwin/aarch64", servedAndNot.slice(1)), planned("linux/x86_64", servedAndNot)]).toEqual([[], []]);
});

test("a guest that is loaded has all that it was saved with, and that is all but what daemons serve", () => {
  for (const host of hosts) {
    const facts = factsOf(host);
    const loaded = golden(facts, { mounts: servedAndNot }, undefined, incomingArgs).split("\n");
    const started = golden(facts, { mounts: servedAndNot }).split("\n");
    expect([...started.filter((line) => !/,id=qn0,/.test(line)), "-S", "-incoming defer"]).toEqual(loaded);
    expect(loaded).toContain("-device pcie-root-port,id=port-qn0,chassis=100,io-reserve=0");
  }
});

test("further disks come behind all that has a place on the bus, each with its own node and serial", () => {
  const volumes = [
    { name: "db", sizeGiB: 5 },
    { name: "image", sizeGiB: 1 },
  ];
  const facts = factsOf("linux/x86_64");
  const lines = golden(facts, { volumes }).split("\n");
  const added = [
    "-blockdev driver=raw,node-name=disk-db,discard=unmap,detect-zeroes=unmap,file.driver=file,file.filename=/home/ann/.qn/_data/default.disks/db.raw",
    "-device virtio-blk-pci,drive=disk-db,serial=qn-db",
    "-blockdev driver=raw,node-name=disk-image,discard=unmap,detect-zeroes=unmap,file.driver=file,file.filename=/home/ann/.qn/_data/default.disks/image.raw",
    "-device virtio-blk-pci,drive=disk-image,serial=qn-image",
  ];
  const at = lines.indexOf("-display none");
  expect(lines.slice(at - 4, at)).toEqual(added);
  expect(lines.toSpliced(at - 4, 4)).toEqual(golden(facts).split("\n"));
});

test("a command line for a shell quotes what the shell would read differently", () => {
  expect(shellLine(["/opt/q n/qemu", "-m", "size=1M", "it's", "a,,b", "$HOME", "ü", "", "~"])).toBe(
    "'/opt/q n/qemu' -m size=1M 'it'\\''s' a,,b '$HOME' 'ü' '' '~'",
  );
});
