/** What makes a plain Debian a qn guest, beyond the files of `guest/` that every recipe shares. */
import type { GuestFile } from "../guest-files.ts";

/** A symbolic link of the guest. */
export type GuestLink = { readonly path: string; readonly target: string };

const unitFolder = "/etc/systemd/system";
const hostKey = "/etc/ssh/ssh_host_ed25519_key";

/** Debian's own configuration. */
export const debianFiles: readonly GuestFile[] = [
  // Empty: made at the first boot, one per VM (machine-id(5)).
  { path: "/etc/machine-id", mode: 0o444, text: "" },
  { path: "/etc/hostname", mode: 0o644, text: "qn\n" },
  { path: "/etc/hosts", mode: 0o644, text: "127.0.0.1 localhost\n127.0.1.1 qn\n::1 localhost\n" },
  // slirp's resolver, which asks the host's.
  { path: "/etc/resolv.conf", mode: 0o644, text: "nameserver 10.0.2.3\n" },
  // The host key is made when there is none, and only of the kind that sshd uses: RSA takes seconds under emulation.
  {
    path: `${unitFolder}/sshd-keygen.service.d/qn.conf`,
    mode: 0o644,
    text: [
      "[Unit]",
      "ConditionFirstBoot=",
      `ConditionPathExists=!${hostKey}`,
      "[Service]",
      "ExecStart=",
      `ExecStart=/usr/bin/ssh-keygen -q -t ed25519 -N "" -C qn -f ${hostKey}`,
      "",
    ].join("\n"),
  },
];

/** Units that a guest starts, with the target that wants them. */
const enabledUnits: readonly (readonly [target: string, unit: string])[] = [
  ["sysinit.target", "/etc/systemd/system/qn-firewall.service"],
  ["multi-user.target", "/etc/systemd/system/qn-tmp.service"],
  ["multi-user.target", "/etc/systemd/system/qn-ports.service"],
  ["multi-user.target", "/usr/lib/systemd/system/systemd-networkd.service"],
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
  // What a first boot would make again although the image has it.
  "ldconfig.service",
  "systemd-firstboot.service",
  "systemd-hwdb-update.service",
  "systemd-journal-catalog-update.service",
  "systemd-sysusers.service",
  "systemd-update-done.service",
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
  "modprobe@drm.service",
  "modprobe@fuse.service",
  "sys-fs-fuse-connections.mount",
  "sys-kernel-config.mount",
  "sys-kernel-debug.mount",
  "sys-kernel-tracing.mount",
  // Nothing waits for the network but what needs it.
  "systemd-networkd-wait-online.service",
];

/** Generators that look for hardware or old formats at every boot (systemd.generator(7)). */
const maskedGenerators: readonly string[] = [
  "systemd-gpt-auto-generator",
  "systemd-hibernate-resume-generator",
  "systemd-rc-local-generator",
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
  ...maskedGenerators.map((name) => ({ path: `/etc/systemd/system-generators/${name}`, target: "/dev/null" })),
];

/**
 * A shell script that mmdebstrap runs on the finished tree (`$1`): nothing that is secret, by chance or of the building
 * machine stays. Host keys and the machine's identity are made at first boot.
 */
export const cleanTree = [
  'rm -f "$1"/etc/ssh/ssh_host_* "$1"/etc/machine-id "$1"/var/lib/dbus/machine-id',
  'rm -f "$1"/etc/*- "$1"/var/lib/dpkg/*-old "$1"/var/lib/systemd/random-seed "$1"/var/cache/ldconfig/aux-cache',
  'find "$1"/var/log "$1"/var/cache "$1"/var/lib/apt/lists -type f -delete',
].join(" && ");
