/** Made-up hosts for planning: what probing would find on each kind of machine that qn runs on. */
import type { Arch, HostOs } from "../../src/base/words.ts";
import { type VmConfig, defaults } from "../../src/host/config/schema.ts";
import { type VmPaths, layoutOf } from "../../src/host/layout.ts";
import type { HostFacts, Usability } from "../../src/host/qemu/facts.ts";

/** The kinds of hosts. */
export const hosts = ["linux/x86_64", "linux/aarch64", "darwin/x86_64", "darwin/aarch64"] as const;
export type Host = (typeof hosts)[number];

const usable: Usability = { usable: true };
const elsewhere: Usability = { usable: false, reason: "It exists on another system only." };

/** A healthy host of 8 processors and 16 GiB, probed for guests of its own architecture. */
export function factsOf(host: Host, changes: Partial<HostFacts> = {}): HostFacts {
  const [os, arch] = host.split("/") as [HostOs, Arch];
  return {
    os,
    arch,
    cpus: 8,
    memoryMiB: 16_384,
    guestArch: arch,
    ...programs[host],
    accels: { kvm: os === "linux" ? usable : elsewhere, hvf: os === "darwin" ? usable : elsewhere, tcg: usable },
    sme: false,
    virtiofs: os === "linux" ? usable : elsewhere,
    sandbox: os === "linux",
    audio: [],
    display: [],
    ...changes,
  };
}

/** The same host, which can only emulate. */
export function emulating(host: Host, changes: Partial<HostFacts> = {}): HostFacts {
  const broken: Usability = { usable: false, reason: "The processor shows neither vmx nor svm." };
  return factsOf(host, { ...changes, accels: { kvm: broken, hvf: broken, tcg: usable } });
}

/** The default settings on that host. */
export function configOf(facts: HostFacts, changes: Partial<VmConfig> = {}): VmConfig {
  const homeFolder = facts.os === "darwin" ? "/Users/ann" : "/home/ann";
  return {
    ...defaults({ arch: facts.guestArch, cpus: facts.cpus, memoryMiB: facts.memoryMiB, homeFolder, os: facts.os }),
    ...changes,
  };
}

/** The paths of the VM "default" in the home folder of that host's user. */
export function pathsOf(facts: HostFacts): VmPaths {
  return layoutOf(facts.os === "darwin" ? "/Users/ann/.qn" : "/home/ann/.qn").vm("default");
}

// --- internal ---

const debian = (binary: string) => ({ path: `/usr/bin/${binary}`, version: "7.2.22" });
const brew = (prefix: string, binary: string) => ({ path: `${prefix}/bin/${binary}`, version: "10.2.2" });

const raw = (code: string, vars: string) =>
  ({ code, codeFormat: "raw", vars: { template: vars, format: "raw" } }) as const;

const programs: Record<Host, Pick<HostFacts, "qemu" | "firmware">> = {
  "linux/x86_64": {
    qemu: debian("qemu-system-x86_64"),
    firmware: raw("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
  },
  "linux/aarch64": {
    qemu: debian("qemu-system-aarch64"),
    firmware: raw("/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"),
  },
  "darwin/x86_64": {
    qemu: brew("/usr/local", "qemu-system-x86_64"),
    firmware: raw("/usr/local/share/qemu/edk2-x86_64-code.fd", "/usr/local/share/qemu/edk2-i386-vars.fd"),
  },
  "darwin/aarch64": {
    qemu: brew("/opt/homebrew", "qemu-system-aarch64"),
    firmware: raw("/opt/homebrew/share/qemu/edk2-aarch64-code.fd", "/opt/homebrew/share/qemu/edk2-arm-vars.fd"),
  },
};
