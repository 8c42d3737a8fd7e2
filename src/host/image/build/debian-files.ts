/** What makes a plain Debian a qn guest, beyond the files of `guest/` that every recipe shares. */
import type { GuestFile } from "../guest-files.ts";

/** A symbolic link of the guest. */
export type GuestLink = { readonly path: string; readonly target: string };

const unitFolder = "/etc/systemd/system";

/**
 * Subsystems whose devices udev looks at when it starts; whatever appears later, when its module comes, it sees anyway.
 */
const coldplugged = ["block", "input", "net", "pci", "virtio", "virtio-ports"];

/** Paths below /dev, modes, owners and numbers (the kernel's devices.txt), as in tmpfiles.d(5). */
const openedDevices = [
  "btrfs-control 0600 root root - 10:234",
  "loop-control 0660 root disk - 10:237",
  "net/tun 0666 root root - 10:200",
  "ppp 0600 root root - 108:0",
  "uinput 0600 root root - 10:223",
  "vhost-net 0660 root root - 10:238",
  "vhost-vsock 0660 root root - 10:241",
];

/** Plugins of containerd, without their `io.containerd.`. */
const idlePlugins = [
  "grpc.v1.cri",
  "internal.v1.opt",
  "internal.v1.tracing",
  "nri.v1.nri",
  "snapshotter.v1.aufs",
  "snapshotter.v1.blockfile",
  "snapshotter.v1.btrfs",
  "snapshotter.v1.devmapper",
  "snapshotter.v1.native",
  "snapshotter.v1.zfs",
  "tracing.processor.v1.otlp",
];

/**
 * Shell: is there more than 32 MiB (65536 sectors) behind the root's partition? It starts no other program, so that
 * asking at every boot costs next to nothing.
 */
const isRoomAfterRoot = [
  'while read -r _ _ device _ point _; do [ "$point" = / ] && break; done < /proc/self/mountinfo',
  'cd -P "/sys/dev/block/$device"',
  "read -r start < start",
  "read -r size < size",
  "read -r disk < ../size",
  "[ $((disk - start - size)) -gt 65536 ]",
].join("; ");

/**
 * Shell: tells the kernel of each emulator. systemd-binfmt does the same with a mount of its own before anything else
 * may start, for 1.8 s of an emulated boot.
 */
const registerEmulators = [
  "mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc",
  "for file in /usr/lib/binfmt.d/*.conf; do read -r line < $file",
  'printf "%%s\\n" "$line" > /proc/sys/fs/binfmt_misc/register; done',
].join("; ");

/** Debian's own configuration. */
export const debianFiles: readonly GuestFile[] = [
  // Empty: made at the first boot, one per VM (machine-id(5)).
  file("/etc/machine-id", "", 0o444),
  file("/etc/hostname", "qn"),
  file("/etc/hosts", "127.0.0.1 localhost", "127.0.1.1 qn", "::1 localhost"),
  file("/etc/locale.conf", "LANG=C.UTF-8"),
  // slirp's resolver, which asks the host's.
  file("/etc/resolv.conf", "nameserver 10.0.2.3"),
  // The journal lives as long as the VM runs: the host keeps what outlives it.
  file("/etc/systemd/journald.conf.d/qn.conf", "[Journal]", "Storage=volatile", "RuntimeMaxUse=64M"),
  // sshd tests its configuration when it starts; it need not do so twice.
  file(`${unitFolder}/ssh.service.d/qn.conf`, "[Service]", "ExecStartPre="),
  // Some 40 events and not 540, terminals above all, in the hands of two workers.
  file("/etc/udev/udev.conf", "children_max=2"),
  file(
    `${unitFolder}/systemd-udev-trigger.service.d/qn.conf`,
    "[Service]",
    "ExecStart=",
    `ExecStart=-udevadm trigger --type=devices --action=add ${coldplugged.map((name) => `--subsystem-match=${name}`).join(" ")}`,
    // The power button: how the host asks the guest to shut down.
    "ExecStart=-udevadm trigger --action=add --sysname-match=LNXPWRBN:* --sysname-match=PNP0C0C:*",
  ),
  // The root takes what the system disk has: its partition, then its file system. There is no hurry.
  file("/etc/repart.d/50-root.conf", "[Partition]", "Type=root"),
  file(
    `${unitFolder}/qn-grow-root.service`,
    "[Unit]",
    "Description=Grow the root to the size of the system disk",
    "After=docker.service",
    "[Service]",
    "Type=oneshot",
    `ExecCondition=/bin/sh -c '${isRoomAfterRoot.replaceAll("$", "$$$$")}'`,
    "ExecStart=/usr/bin/systemd-repart --dry-run=no",
    "ExecStart=/usr/lib/systemd/systemd-growfs /",
  ),
  // As Debian's, but without waiting for what containerd does not use: it is there when dockerd asks.
  file(
    `${unitFolder}/containerd.service`,
    "[Unit]",
    "Description=containerd container runtime",
    "DefaultDependencies=no",
    "Before=shutdown.target",
    "Conflicts=shutdown.target",
    "[Service]",
    "Type=notify",
    "ExecStart=/usr/bin/containerd",
    "Delegate=yes",
    "KillMode=process",
    "Restart=always",
    "RestartSec=5",
    "LimitNPROC=infinity",
    "LimitCORE=infinity",
    "LimitNOFILE=1048576",
    "TasksMax=infinity",
    "OOMScoreAdjust=-999",
    "[Install]",
    "WantedBy=multi-user.target",
  ),
  file(
    `${unitFolder}/qn-binfmt.service`,
    "[Unit]",
    "Description=Run programs of other processors",
    "DefaultDependencies=no",
    "Before=docker.service shutdown.target",
    "Conflicts=shutdown.target",
    "[Service]",
    "Type=oneshot",
    `ExecStart=/bin/sh -c '${registerEmulators.replaceAll("$", "$$$$")}'`,
  ),
  // Devices whose modules are loaded when someone opens them; others come with their modules.
  file("/etc/tmpfiles.d/qn-devices.conf", ...openedDevices.map((words) => `c! /dev/${words}`)),
  file(
    `${unitFolder}/systemd-tmpfiles-setup.service.d/qn.conf`,
    "[Service]",
    "ExecStart=",
    "ExecStart=systemd-tmpfiles --create --remove --boot",
  ),
  // Docker uses containerd for running containers; Kubernetes' and exotic storage's parts need not start.
  file(
    "/etc/containerd/config.toml",
    "version = 2",
    `disabled_plugins = [${idlePlugins.map((name) => `"io.containerd.${name}"`).join(", ")}]`,
  ),
];

/** Units that a guest starts, with the target that wants them. */
const enabledUnits: readonly (readonly [target: string, unit: string])[] = [
  ["sysinit.target", "/etc/systemd/system/qn-firewall.service"],
  ["sockets.target", "/etc/systemd/system/qn-agent.socket"],
  ["multi-user.target", "/etc/systemd/system/qn-binfmt.service"],
  ["multi-user.target", "/etc/systemd/system/qn-agent.service"],
  ["multi-user.target", "/etc/systemd/system/qn-provision.service"],
  ["multi-user.target", "/etc/systemd/system/qn-grow-root.service"],
  ["multi-user.target", "/usr/lib/systemd/system/systemd-networkd.service"],
  ["sockets.target", "/usr/lib/systemd/system/systemd-userdbd.socket"],
];

/** Units that cost time at boot and do nothing for a guest whose image is replaced, not upgraded. */
const maskedUnits: readonly string[] = [
  // The package manager's and file system's housekeeping.
  "apt-daily-upgrade.timer",
  "apt-daily.timer",
  "dpkg-db-backup.timer",
  "e2scrub_all.timer",
  "e2scrub_reap.service",
  // There is no screen, only the serial console.
  "getty-static.service",
  "getty@tty1.service",
  "systemd-ask-password-console.path",
  "systemd-ask-password-wall.path",
  "systemd-bsod.service",
  // What a first boot would make although the image has it, or the host sends it (sshd's key).
  "kmod-static-nodes.service",
  "sshd-keygen.service",
  "ldconfig.service",
  "systemd-firstboot.service",
  "systemd-hwdb-update.service",
  "systemd-journal-catalog-update.service",
  "systemd-repart.service",
  "systemd-sysusers.service",
  "systemd-tmpfiles-setup-dev-early.service",
  "systemd-tmpfiles-setup-dev.service",
  "systemd-update-done.service",
  "systemd-networkd-persistent-storage.service",
  "systemd-remount-fs.service",
  "systemd-user-sessions.service",
  "systemd-journal-flush.service",
  // Doors that nobody knocks at.
  "systemd-creds.socket",
  "systemd-hostnamed.socket",
  "systemd-initctl.socket",
  "systemd-sysext.socket",
  "systemd-udev-load-credentials.service",
  // Entropy comes from the host (virtio-rng).
  "systemd-random-seed.service",
  // Hardware that a VM has not.
  "systemd-battery-check.service",
  "systemd-hibernate-clear.service",
  "systemd-pcrextend.socket",
  "systemd-pcrlock.socket",
  "systemd-pcrmachine.service",
  "systemd-pcrphase-sysinit.service",
  "systemd-pcrphase.service",
  "systemd-pstore.service",
  "systemd-rfkill.socket",
  "systemd-tpm2-setup-early.service",
  "systemd-tpm2-setup.service",
  // What they load is there when something uses it.
  "modprobe@configfs.service",
  "modprobe@dm_mod.service",
  "modprobe@drm.service",
  "modprobe@fuse.service",
  "modprobe@loop.service",
  "dev-hugepages.mount",
  "dev-mqueue.mount",
  "run-lock.mount",
  "sys-fs-fuse-connections.mount",
  "sys-kernel-config.mount",
  "sys-kernel-debug.mount",
  "sys-kernel-tracing.mount",
  // qn-binfmt does it.
  "proc-sys-fs-binfmt_misc.automount",
  "systemd-binfmt.service",
  // Nothing waits for the network but what needs it.
  "systemd-networkd-wait-online.service",
];

/**
 * Generators that look for hardware, old formats or wishes on the kernel's command line at every boot
 * (systemd.generator(7)). Without getties the serial console is a log only: nobody could log in there, since no account
 * has a password.
 */
const maskedGenerators: readonly string[] = [
  "systemd-debug-generator",
  "systemd-getty-generator",
  "systemd-gpt-auto-generator",
  "systemd-hibernate-resume-generator",
  "systemd-import-generator",
  "systemd-rc-local-generator",
  "systemd-run-generator",
  "systemd-ssh-generator",
  "systemd-system-update-generator",
  "systemd-sysv-generator",
  "systemd-tpm2-generator",
];

/** All links: enabled units, and masks, which are links to /dev/null. */
export const debianLinks: readonly GuestLink[] = [
  ...enabledUnits.map(([target, unit]) => ({
    path: `${unitFolder}/${target}.wants/${unit.slice(unit.lastIndexOf("/") + 1)}`,
    target: unit,
  })),
  ...maskedUnits.map((unit) => ({ path: `${unitFolder}/${unit}`, target: "/dev/null" })),
  // Nobody need wait with logging in until the boot is over.
  { path: "/etc/tmpfiles.d/systemd-nologin.conf", target: "/dev/null" },
  ...maskedGenerators.map((name) => ({ path: `/etc/systemd/system-generators/${name}`, target: "/dev/null" })),
];

/**
 * A shell script that mmdebstrap runs on the finished tree (`$1`): nothing that is secret, by chance or of the building
 * machine stays. Host keys and the machine's identity are made at first boot.
 */
export const cleanTree = [
  'rm -f "$1"/etc/ssh/ssh_host_* "$1"/etc/machine-id "$1"/var/lib/dbus/machine-id',
  'rm -f "$1"/etc/*- "$1"/var/lib/dpkg/*-old "$1"/var/lib/systemd/random-seed "$1"/var/cache/ldconfig/aux-cache',
  'rm -f "$1"/etc/modules "$1"/etc/modules-load.d/modules.conf',
  'find "$1"/var/log "$1"/var/cache "$1"/var/lib/apt/lists -type f -delete',
].join(" && ");

// --- internal ---

/** A text file of lines; a last argument that is a number is its permission bits. */
function file(path: string, ...lines: readonly (string | number)[]): GuestFile {
  const mode = lines.at(-1);
  const text = lines.filter((line) => typeof line === "string").join("\n");
  return { path, mode: typeof mode === "number" ? mode : 0o644, text: text === "" ? "" : `${text}\n` };
}
