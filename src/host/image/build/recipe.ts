/**
 * What the Debian guest is made of: packages, what of them is left out, and the numbers that are fixed for all builds.
 */
import type { Arch } from "../../../base/words.ts";

/** Counts changes of the recipe that its other inputs (packages, files) do not show. */
const recipeVersion = 2;

/** How `image.json` names this recipe. */
export const recipeName = `debian-13/${recipeVersion}`;

/** Debian 13. */
export const suite = "trixie";

/**
 * SOURCE_DATE_EPOCH in seconds: no file of an image is younger, so that building twice gives the same image
 * (2025-08-09, the day on which Debian 13 came out).
 */
export const sourceDateEpoch = 1_754_697_600;

/**
 * What differs between architectures. GPT types: Discoverable Partitions Specification; loader names: UEFI 2.10,
 * 3.5.1.1.
 */
export type ArchRow = {
  readonly debianArch: string;
  readonly kernelPackage: string;
  readonly rootPartitionType: string;
  readonly loader: string;
  readonly bootFile: string;
  /** How the kernel calls the emulator that runs this architecture's programs elsewhere (binfmt_misc). */
  readonly emulator: string;
  /** Other processors whose programs containers may bring along, in QEMU's words. */
  readonly emulated: readonly string[];
  readonly kernelArguments: readonly string[];
};

/**
 * `nopku`: Linux 6.12 does not boot with protection keys on Intel Macs before macOS 15.5
 * (coreos/fedora-coreos-tracker#1905). `earlyprintk`: the kernel says on the console that it unpacks itself, where
 * without firmware systemd would be the first to say a word; a guest that is silent for long is taken for one that
 * hangs.
 */
export const archTable: Readonly<Record<Arch, ArchRow>> = {
  x86_64: {
    debianArch: "amd64",
    kernelPackage: "linux-image-amd64",
    rootPartitionType: "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709",
    loader: "systemd-bootx64.efi",
    bootFile: "BOOTX64.EFI",
    emulator: "qemu-x86_64",
    emulated: ["aarch64", "arm"],
    kernelArguments: ["console=ttyS0", "earlyprintk=serial,ttyS0,115200", "nopku"],
  },
  aarch64: {
    debianArch: "arm64",
    kernelPackage: "linux-image-arm64",
    rootPartitionType: "B921B045-1DF0-41C3-AF44-4C6F280D3FAE",
    loader: "systemd-bootaa64.efi",
    bootFile: "BOOTAA64.EFI",
    emulator: "qemu-aarch64",
    // Apple's processors run no 32-bit programs of ARM's.
    emulated: ["x86_64", "i386", "arm"],
    kernelArguments: ["console=ttyAMA0"],
  },
};

/**
 * Debian's packages beyond the essential ones. `-cloud` kernels lack 9p. tiny-initramfs mounts the root within half a
 * second of the kernel's start, where initramfs-tools brings 20 MB of udev.
 */
export function packagesFor(arch: Arch): readonly string[] {
  return [
    archTable[arch].kernelPackage,
    "ca-certificates",
    "containerd",
    "dbus",
    "docker.io",
    "e2fsprogs",
    "iproute2",
    "iptables",
    "kmod",
    "libnss-systemd",
    "nftables",
    "openssh-server",
    "procps",
    // Images of other architectures, as on Docker Desktop (binfmt_misc).
    "qemu-user-binfmt",
    "sudo",
    // Without its service the login user is known, but not the groups that the user is in (nss-systemd(8)).
    "systemd-userdbd",
    "systemd",
    "systemd-boot-efi",
    // systemd-nspawn and machinectl, whose published ports are forwarded too.
    "systemd-container",
    "systemd-repart",
    "systemd-sysv",
    "tiny-initramfs",
    // Containers mount the zones of the world.
    "tzdata",
    "udev",
  ];
}

/**
 * Kernel modules of devices that a VM has or that containers ask for, below the kernel's `drivers` and `sound`; all
 * others there are left out: 75 of 110 MB, and udev loads none that only happen to match.
 */
const keptModules: readonly string[] = [
  "drivers/acpi/button.ko*",
  "drivers/android/*",
  "drivers/block/*",
  "drivers/char/hw_random/*",
  "drivers/crypto/ccp/*",
  "drivers/firmware/qemu_fw_cfg.ko*",
  "drivers/gpu/drm/drm.ko*",
  "drivers/gpu/drm/drm_kms_helper.ko*",
  "drivers/gpu/drm/drm_shmem_helper.ko*",
  "drivers/gpu/drm/virtio/*",
  "drivers/input/evdev.ko*",
  "drivers/input/misc/uinput.ko*",
  "drivers/md/*",
  ...["bonding", "can", "ipvlan", "ppp", "team", "wireguard"].map((folder) => `drivers/net/${folder}/*`),
  ...["dummy", "geneve", "ifb", "macsec", "macvlan", "macvtap", "net_failover", "nlmon", "tap", "tun", "veth"].map(
    (name) => `drivers/net/${name}.ko*`,
  ),
  ...["virtio_net", "vrf", "vsockmon", "vxlan"].map((name) => `drivers/net/${name}*`),
  "drivers/ptp/*",
  "drivers/vhost/*",
  "drivers/virtio/*",
  "sound/core/*",
  "sound/hda/*",
  "sound/pci/hda/*",
  "sound/soundcore.ko*",
  "sound/virtio/*",
];

/**
 * Modules that every guest loads on its way to Docker. They and those they need are kept
 * unpacked: unpacking them under emulation takes longer than reading them.
 */
export const hotModules: readonly string[] = [
  "9p",
  "9pnet_virtio",
  "binfmt_misc",
  "br_netfilter",
  "button",
  "evdev",
  "nf_conntrack_netlink",
  "nf_tables",
  "nft_chain_nat",
  "nft_compat",
  "overlay",
  "veth",
  "virtio_net",
  "virtio_rng",
  "xfrm_user",
  "xt_MASQUERADE",
  "xt_addrtype",
  "xt_conntrack",
];

/** Radio and other networks that no VM is on; their helpers would be loaded with them. */
const droppedNetworks = ["6lowpan", "bluetooth", "ieee802154", "mac80211", "mac802154", "nfc", "rfkill", "wireless"];

/** Where qemu-user has its 33 emulators of 15 MB each, and what makes the kernel use them. */
const emulatorFiles: readonly string[] = [
  "/usr/bin/qemu-*",
  "/usr/libexec/qemu-binfmt/*-binfmt-P",
  "/usr/lib/binfmt.d/qemu-*.conf",
  "/usr/share/qemu/binfmt.d/qemu-*.conf",
];

/**
 * Programs that come with what Docker needs and that nothing here runs: containerd's own client, its shims of old, the
 * proxy for ports that `guest/docker/daemon.json` does without. 50 MB.
 */
const idlePrograms: readonly string[] = [
  "/usr/bin/containerd-shim",
  "/usr/bin/containerd-shim-runc-v1",
  "/usr/bin/containerd-stress",
  "/usr/bin/ctr",
  "/usr/sbin/docker-proxy",
];

/** What is compressed in the disk: what Docker runs, 180 MB that take 63, and the emulators, 15 MB each that take 5. */
export function largePrograms(arch: Arch): readonly string[] {
  return [
    "/usr/bin/containerd",
    "/usr/bin/containerd-shim-runc-v2",
    "/usr/sbin/dockerd",
    "/usr/sbin/runc",
    ...archTable[arch].emulated.map((name) => `/usr/bin/qemu-${name}`),
  ];
}

/**
 * What dpkg leaves out of every package, and takes all the same: options of dpkg(1), of which the last match counts.
 */
export function pathFilters(arch: Arch): readonly string[] {
  const { emulated } = archTable[arch];
  return [
    ...["bug", "doc", "info", "lintian", "locale", "man"].map((folder) => `path-exclude=/usr/share/${folder}/*`),
    ...idlePrograms.map((path) => `path-exclude=${path}`),
    // Names of hardware, for people.
    "path-exclude=/usr/lib/udev/hwdb.d/*",
    ...["drivers", "sound", ...droppedNetworks.map((name) => `net/${name}`)].map(
      (folder) => `path-exclude=/usr/lib/modules/*/kernel/${folder}/*`,
    ),
    ...keptModules.map((pattern) => `path-include=/usr/lib/modules/*/kernel/${pattern}`),
    ...emulatorFiles.map((pattern) => `path-exclude=${pattern}`),
    ...emulated.flatMap((name) => emulatorFiles.map((pattern) => `path-include=${pattern.replace("*", name)}`)),
  ];
}

/** Names of the partitions and file systems, the same in every image: a VM has one of each. */
export const ids = {
  disk: "5f6b5a3e-5a9e-4b0e-9a54-6d4b7f0c0000",
  espPartition: "5f6b5a3e-5a9e-4b0e-9a54-6d4b7f0c0001",
  rootPartition: "5f6b5a3e-5a9e-4b0e-9a54-6d4b7f0c0002",
  rootFileSystem: "5f6b5a3e-5a9e-4b0e-9a54-6d4b7f0c0003",
  rootHashSeed: "5f6b5a3e-5a9e-4b0e-9a54-6d4b7f0c0004",
  espVolume: "514e0001",
} as const;

/**
 * The kernel's command line. The root is named by its file system (tiny-initramfs knows no PARTUUID) and mounted
 * read-write at once. Interfaces keep the kernel's name until `10-uplink.link` names the one that counts. A panic
 * resets the machine at once, which QEMU reports, where a halted kernel would look like a slow one. `lsm` leaves
 * AppArmor out, which costs Docker a second of its start and needs a package (the VM is the wall here), and TOMOYO, IMA
 * and EVM, which are idle. The kernel's own ciphers need no test at every boot: two seconds under emulation.
 */
export function kernelCommandLine(arch: Arch): string {
  return [
    `root=UUID=${ids.rootFileSystem}`,
    "rootfstype=ext4",
    "rw",
    "rootwait",
    "net.ifnames=0",
    "panic=-1",
    "lsm=landlock,yama",
    "cryptomgr.notests",
    "loglevel=4",
    ...archTable[arch].kernelArguments,
  ].join(" ");
}
