/** What differs between hosts, guests and accelerators when QEMU is called: tables, and nothing else. */
import type { Arch, HostOs } from "../../base/words.ts";

/** How the guest's code runs: by the host's processor (kvm on Linux, hvf on macOS) or emulated (tcg). */
export const accels = ["kvm", "hvf", "tcg"] as const;
export type Accel = (typeof accels)[number];

/** What a guest of one architecture is made of, on whatever host. */
export type GuestPlatform = {
  /** The QEMU program for this architecture. */
  readonly binary: string;
  /** QEMU's machine type and the properties that qn sets. */
  readonly machine: { readonly type: string; readonly properties: Readonly<Record<string, string>> };
  /** A machine name as firmware descriptors match it (`targets[].machines` are globs over versioned names). */
  readonly firmwareMachine: string;
  /** Global properties of devices that the machine brings along. */
  readonly globals: readonly { readonly driver: string; readonly property: string; readonly value: string }[];
  /** The Linux name of the serial console. */
  readonly consoleDevice: string;
  /** The exact size that a raw pflash image must have; nothing when any size goes. */
  readonly pflashBytes: number | undefined;
  /** The graphics card of a window. */
  readonly gpu: string;
  /**
   * Whether a kernel that QEMU starts goes by way of UEFI, which finds it there: q35's BIOS makes the tables that the
   * guest reads its credentials from (SMBIOS), and virt has none but UEFI's.
   */
  readonly kernelNeedsUefi: boolean;
  /** The device by which a guest learns that it goes on from a state from which others go on too. */
  readonly generationDevice: string | undefined;
  /** How many processors the default interrupt controller serves; above it, `interruptControllerAbove` is asked for. */
  readonly interruptController: { readonly cpusMax: number; readonly above: string } | undefined;
};

/**
 * Guests. q35's `vmport` is a VMware door that nothing here uses; S3 and S4 are sleep states that a server must not
 * fall into (both as Lima does). virt's default GICv2 ends at 8 processors ("exceeds max CPUs supported by machine
 * 'mach-virt' (8)"), and its two flash banks are 64 MiB each ("device requires 67108864 bytes"); tried with QEMU 7.2.
 */
export const guestPlatforms = {
  x86_64: {
    binary: "qemu-system-x86_64",
    machine: { type: "q35", properties: { vmport: "off" } },
    firmwareMachine: "pc-q35-10.0",
    globals: [
      { driver: "ICH9-LPC", property: "disable_s3", value: "1" },
      { driver: "ICH9-LPC", property: "disable_s4", value: "1" },
    ],
    consoleDevice: "ttyS0",
    pflashBytes: undefined,
    gpu: "virtio-vga",
    kernelNeedsUefi: false,
    generationDevice: "vmgenid",
    interruptController: undefined,
  },
  aarch64: {
    binary: "qemu-system-aarch64",
    machine: { type: "virt", properties: {} },
    firmwareMachine: "virt-10.0",
    globals: [],
    consoleDevice: "ttyAMA0",
    pflashBytes: 64 * 1024 * 1024,
    gpu: "virtio-gpu-pci",
    kernelNeedsUefi: true,
    generationDevice: undefined,
    interruptController: { cpusMax: 8, above: "3" },
  },
} as const satisfies Record<Arch, GuestPlatform>;

/**
 * A sound or window system: QEMU's name for it, and what shows that it answers here: a path (below the folder that the
 * variable `below` names, if any) or one of some variables.
 */
export type MediaSystem = {
  readonly name: string;
  readonly path?: string;
  readonly below?: string;
  readonly anyOf?: readonly string[];
};

/** What a host system offers: its own accelerator and, best first, its sound and window systems. */
export type HostPlatform = {
  readonly title: string;
  readonly accel: Exclude<Accel, "tcg">;
  readonly audio: readonly MediaSystem[];
  readonly display: readonly MediaSystem[];
  /** Whether it takes memory back that QEMU says it needs no more (madvise(2), MADV_DONTNEED). */
  readonly takesMemoryBack: boolean;
  /** Folders by virtiofs: on which memory of the guest's, and whether it was seen to work and is taken unless told. */
  readonly virtiofs: { readonly memory: "inherited" | "posix"; readonly isSeen: boolean };
  /** Where programs are that PATH may not name, such as under launchd. Relative ones are below HOME. */
  readonly programFolders: readonly string[];
};

const graphicalSession = ["WAYLAND_DISPLAY", "DISPLAY"] as const;

export const hostPlatforms: Record<HostOs, HostPlatform> = {
  linux: {
    title: "Linux",
    accel: "kvm",
    audio: [
      { name: "pipewire", path: "pipewire-0", below: "XDG_RUNTIME_DIR" },
      { name: "pa", path: "pulse/native", below: "XDG_RUNTIME_DIR" },
      { name: "alsa", path: "/dev/snd" },
    ],
    display: [
      { name: "gtk", anyOf: graphicalSession },
      { name: "sdl", anyOf: graphicalSession },
    ],
    takesMemoryBack: true,
    virtiofs: { memory: "inherited", isSeen: true },
    programFolders: ["/run/current-system/sw/bin", ".nix-profile/bin"],
  },
  darwin: {
    title: "macOS",
    accel: "hvf",
    audio: [{ name: "coreaudio" }],
    display: [{ name: "cocoa" }],
    // The pages stay the process', and are compressed when others need room (macOS 26: libkrun/libkrun#703).
    takesMemoryBack: false,
    // Built from the sources of Apple and QEMU (docs/decisions.md#d374).
    virtiofs: { memory: "posix", isSeen: false },
    programFolders: ["/opt/homebrew/bin", "/usr/local/bin", "/run/current-system/sw/bin", ".nix-profile/bin"],
  },
};

/**
 * How each accelerator is asked for. Never QEMU's default processor: the agent needs SSE4.2. `host` exists with kvm
 * and hvf only and never falls back. In tcg, `pauth-impdef` replaces Arm's costly pointer signatures by cheap ones, and
 * without `erms` and `fsrm` the guest's kernel and libraries copy and clear memory by words: `rep movsb`, which both
 * advertise as fast, is emulated byte by byte (decision D22).
 */
export type AccelPlatform = {
  readonly options: Readonly<Record<string, string>>;
  readonly cpu: Record<Arch, string>;
  /** virt's interrupt controller: kvm must take what the host has, GICv2 is missing on many servers. */
  readonly gicVersion: string | undefined;
};

export const accelPlatforms = {
  kvm: { options: {}, cpu: { x86_64: "host", aarch64: "host" }, gicVersion: "max" },
  // macOS on Intel: these two flags break guests (lima-vm/lima#1485).
  hvf: { options: {}, cpu: { x86_64: "host,-avx512vl,-pdpe1gb", aarch64: "host" }, gicVersion: undefined },
  tcg: {
    options: { thread: "multi", "tb-size": "512" },
    cpu: { x86_64: "max,-erms,-fsrm", aarch64: "max,pauth-impdef=on" },
    gicVersion: undefined,
  },
} as const satisfies Record<Accel, AccelPlatform>;

/**
 * The processor where FEAT_SME is there (M4 and later): `host` fails with "Property 'host-arm-cpu.sme' not found" in
 * QEMU up to 9.2 (qemu-project/qemu#2665), `max` means the same under hvf and works.
 */
export const cpuWithSme = "max";

/** UEFI firmware to boot with. Without `vars` the guest's boot entries are not kept. */
export type Firmware = {
  readonly code: string;
  readonly codeFormat: DiskFormat;
  /** The template that a VM's own store of variables is copied from. */
  readonly vars: { readonly template: string; readonly format: DiskFormat } | undefined;
};
export type DiskFormat = "raw" | "qcow2";

/**
 * Firmware beside QEMU itself, relative to the folder above its `bin` (Homebrew, Nix). Never above the resolved path:
 * a Homebrew link outlives the version that it points to.
 */
export const firmwareBesideQemu = {
  x86_64: [pair("share/qemu", "edk2-x86_64-code.fd", "edk2-i386-vars.fd")],
  aarch64: [pair("share/qemu", "edk2-aarch64-code.fd", "edk2-arm-vars.fd")],
} as const satisfies Record<Arch, readonly Firmware[]>;

/** Firmware of the distributions, for those that install no descriptors: Debian, Fedora, Arch, openSUSE, NixOS. */
export const firmwareOfDistributions = {
  x86_64: [
    pair("/usr/share/OVMF", "OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"),
    pair("/usr/share/OVMF", "OVMF_CODE.fd", "OVMF_VARS.fd"),
    pair("/usr/share/edk2/ovmf", "OVMF_CODE_4M.qcow2", "OVMF_VARS_4M.qcow2", "qcow2"),
    pair("/usr/share/edk2/ovmf", "OVMF_CODE.fd", "OVMF_VARS.fd"),
    pair("/usr/share/edk2/x64", "OVMF_CODE.4m.fd", "OVMF_VARS.4m.fd"),
    pair("/usr/share/qemu", "ovmf-x86_64-4m-code.bin", "ovmf-x86_64-4m-vars.bin"),
    pair("/run/libvirt/nix-ovmf", "edk2-x86_64-code.fd", "edk2-i386-vars.fd"),
  ],
  aarch64: [
    pair("/usr/share/AAVMF", "AAVMF_CODE.fd", "AAVMF_VARS.fd"),
    pair("/usr/share/edk2/aarch64", "QEMU_EFI-pflash.raw", "vars-template-pflash.raw"),
    pair("/usr/share/edk2/aarch64", "QEMU_CODE.fd", "QEMU_VARS.fd"),
    pair("/usr/share/qemu", "aavmf-aarch64-code.bin", "aavmf-aarch64-vars.bin"),
    pair("/run/libvirt/nix-ovmf", "edk2-aarch64-code.fd", "edk2-arm-vars.fd"),
  ],
} as const satisfies Record<Arch, readonly Firmware[]>;

// --- internal ---

function pair(folder: string, code: string, vars: string, format: DiskFormat = "raw"): Firmware {
  return { code: `${folder}/${code}`, codeFormat: format, vars: { template: `${folder}/${vars}`, format } };
}
