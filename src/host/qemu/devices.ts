/** The guest's devices, one function each: what it is made of → its part of QEMU's command line. */
import { dataDisk, serialOf } from "../../protocol/disks.ts";
import { lanePorts } from "../../protocol/lane-ports.ts";
import { doorbellPort } from "../../protocol/messages.ts";
import { type Json, jsonOption, option } from "./option.ts";
import type { Firmware } from "./platforms.ts";

/** A part of a command line. */
export type Words = readonly string[];

/** A host folder as the guest sees it: mounted by its tag. */
export type SharedFolder = {
  readonly tag: string;
  readonly path: string;
  readonly readOnly: boolean;
  readonly security?: "none" | "mapped-xattr" | undefined;
  /** The socket of the process that serves it; without one QEMU does. */
  readonly socket?: string | undefined;
};

/** A disk of the VM's own: its name, and its file on the host. */
export type OwnDisk = { readonly name: string; readonly path: string };

/** A kernel that QEMU itself starts, with its initramfs: paths of two files, and the kernel's command line. */
export type DirectKernel = { readonly kernel: string; readonly initrd: string; readonly commandLine: string };

/** Names of the block nodes in QMP: snapshots and the firmware's banks are addressed by them. */
export const nodes = {
  system: "system",
  image: "image",
  template: "template",
  data: "data",
  firmwareCode: "firmware-code",
  firmwareVars: "firmware-vars",
} as const;

/** The node of a disk of the VM's own; a further one may have the name of another node. */
export function nodeOf(disk: string): string {
  return disk === dataDisk ? nodes.data : `disk-${disk}`;
}

/**
 * The overlay at `path` on the image's disk: found in the guest by its serial, and booted from first. What the two
 * files say about others is not believed: the image is the one that was checked, and it has no backing file whatever it
 * says. A throw-away VM's overlay lies on its template's, the `layer`.
 */
export function systemDisk(path: string, image: string, layer?: string): Words {
  const belowIt = (name: string, file: string, backing: Json): Json => ({
    driver: "qcow2",
    "node-name": name,
    "read-only": true,
    file: fileNode(file),
    backing,
  });
  const imageNode = belowIt(nodes.image, image, null);
  return [
    ...jsonOption("-blockdev", {
      driver: "qcow2",
      "node-name": nodes.system,
      discard: "unmap",
      file: fileNode(path),
      backing: layer === undefined ? imageNode : belowIt(nodes.template, layer, imageNode),
    }),
    ...option("-device", "virtio-blk-pci", { drive: nodes.system, serial: "qn-system", bootindex: 1 }),
  ];
}

/**
 * A sparse disk of the VM's own; what the guest frees, or overwrites with zeroes, is given back to the host. Its name
 * says the format, as its content is the guest's; heads of overlays on layers are qn's alone, and are believed.
 */
export function ownDisk({ name, path }: OwnDisk): Words {
  const node = nodeOf(name);
  return [
    ...option("-blockdev", undefined, {
      driver: path.endsWith(".qcow2") ? "qcow2" : "raw",
      "node-name": node,
      discard: "unmap",
      "detect-zeroes": "unmap",
      "file.driver": "file",
      "file.filename": path,
    }),
    ...option("-device", "virtio-blk-pci", { drive: node, serial: serialOf(name) }),
  ];
}

/** The firmware's code, read-only and shared, and the VM's own copy of its variables; the machine names the nodes. */
export function firmwareFlash(firmware: Firmware, varsPath: string): Words {
  const code = option("-blockdev", undefined, {
    driver: firmware.codeFormat,
    "node-name": nodes.firmwareCode,
    "read-only": true,
    "file.driver": "file",
    "file.filename": firmware.code,
  });
  if (firmware.vars === undefined) return code;
  const vars = option("-blockdev", undefined, {
    driver: firmware.vars.format,
    "node-name": nodes.firmwareVars,
    "file.driver": "file",
    "file.filename": varsPath,
  });
  return [...code, ...vars];
}

/** A kernel with its initramfs, which QEMU hands to the machine; these three take what follows as it is, commas too. */
export function directKernel({ kernel, initrd, commandLine }: DirectKernel): Words {
  return ["-kernel", kernel, "-initrd", initrd, "-append", commandLine];
}

/**
 * The one network interface, with the two doors into the guest on the host's loopback. Where it `isClosed` QEMU lets
 * nothing out of it but the answers to who came through a door: not to the network, not to this machine (`restrict` in
 * QEMU's documentation). `romfile=` is empty because nothing boots from the network, and not every QEMU brings the boot
 * ROM along.
 */
export function network(forwards: readonly { hostPort: number; guestPort: number }[], isClosed: boolean): Words {
  const doors = forwards.map(({ hostPort, guestPort }) => `hostfwd=tcp:127.0.0.1:${hostPort}-:${guestPort}`);
  return [
    ...option("-netdev", ["user", "id=net", ...(isClosed ? ["restrict=on"] : []), ...doors].join(",")),
    ...option("-device", "virtio-net-pci", { netdev: "net", romfile: "" }),
  ];
}

/**
 * A second network card in a TAP device that somebody has made and opened to this user, so that QEMU needs no rights
 * and no script. The guest knows it from the first one by its place on the bus (guest/network/05-lan.link).
 */
export function lan(tap: string, mac: string): Words {
  return [
    ...option("-netdev", "tap", { id: "lan", ifname: tap, script: "no", downscript: "no" }),
    ...option("-device", "virtio-net-pci", { netdev: "lan", mac, addr: "0x1d", romfile: "" }),
  ];
}

/**
 * A share by virtiofs where a process serves it, else by 9p. `none` leaves links and modes as they are on the host,
 * `remap` keeps inode numbers of several file systems below one share apart. It is who serves that refuses to write to
 * a read-only one, so that no guest can.
 */
export function share({ tag, path, readOnly, security = "none", socket }: SharedFolder): Words {
  if (socket !== undefined) {
    return [
      ...option("-chardev", "socket", { id: tag, path: socket }),
      ...option("-device", virtiofsDevice, virtiofsProperties(tag)),
    ];
  }
  return [
    ...option("-fsdev", "local", {
      id: tag,
      path,
      security_model: security,
      multidevs: "remap",
      readonly: readOnly ? true : undefined,
    }),
    ...option("-device", "virtio-9p-pci", { fsdev: tag, mount_tag: tag }),
  ];
}

/**
 * Where a share of virtiofs is plugged in: from a port of its own it can be unplugged, from the machine's root bus not.
 * `chassis` is another number for each, 1 or more. No ports of I/O are kept for it: there are few, and none is needed.
 */
export function sharePort(tag: string, chassis: number): Words {
  return option("-device", "pcie-root-port", { id: portOf(tag), chassis, "io-reserve": 0 });
}

/** The id of that port. */
export function portOf(tag: string): string {
  return `port-${tag}`;
}

/** The device of a share of virtiofs in its port; both it and its chardev have the tag as their id. */
export function virtiofsProperties(tag: string) {
  return { bus: portOf(tag), id: tag, chardev: tag, tag, "queue-size": 1024 } as const;
}

/**
 * Tells the guest's kernel that it is another guest by now, upon which it makes its random numbers anew: `guid=auto` is
 * another number with each QEMU (vmgenid in QEMU's documentation).
 */
export function generation(device: string): Words {
  return option("-device", device, { guid: "auto" });
}

/** What QEMU has to be built with where a share is served by another process, beside memory that is shared. */
export const virtiofsDevice = "vhost-user-fs-pci";

/** Randomness from the host, so that the guest's keys need not wait for it. */
export function randomness(): Words {
  return option("-device", "virtio-rng-pci");
}

/** Gives memory that the guest has freed back to the host, without being asked. */
export function balloon(): Words {
  return option("-device", "virtio-balloon-pci", { "free-page-reporting": true });
}

/**
 * The doorbell: the agent opens this port when its gate listens, and QMP says so (VSERPORT_CHANGE; only for a port
 * with an id). No data flows.
 */
export function doorbell(): Words {
  return [
    ...option("-device", "virtio-serial-pci"),
    ...option("-chardev", "null", { id: "doorbell" }),
    ...option("-device", "virtserialport", { chardev: "doorbell", name: doorbellPort, id: "agent" }),
  ];
}

/**
 * Ports that carry streams, each behind a Unix socket that QEMU makes: one client at a time, and what it has sent is
 * gone when it goes.
 */
export function lanes(sockets: readonly string[]): Words {
  return sockets.flatMap((path, index) => [
    ...option("-chardev", "socket", { id: `lane${index}`, path, server: true, wait: false }),
    ...option("-device", "virtserialport", { chardev: `lane${index}`, name: lanePorts[index] }),
  ]);
}

/**
 * The guest's serial console: a Unix socket that QEMU makes. What the guest says while nobody is there is gone
 * (tcp_chr_write in chardev/char-socket.c), so that it fills no disk.
 */
export function serialConsole(socketPath: string): Words {
  return [
    ...option("-chardev", "socket", { id: "serial", path: socketPath, server: true, wait: false }),
    ...option("-serial", "chardev:serial"),
  ];
}

/** QEMU's monitor, for the supervisor alone: a Unix socket that QEMU makes. */
export function monitor(socketPath: string): Words {
  return [
    ...option("-chardev", "socket", { id: "qmp", path: socketPath, server: true, wait: false }),
    ...option("-mon", undefined, { chardev: "qmp", mode: "control" }),
  ];
}

/** A systemd credential; the file holds the whole SMBIOS string, because a command line is public. */
export function credential(file: string): Words {
  return option("-smbios", undefined, { type: 11, path: file });
}

/** A sound card that plays through the host's sound system `backend`. */
export function sound(backend: string): Words {
  return [
    ...option("-audiodev", backend, { id: "sound" }),
    ...option("-device", "ich9-intel-hda"),
    ...option("-device", "hda-output", { audiodev: "sound" }),
  ];
}

/** No screen. */
export function headless(): Words {
  return option("-display", "none");
}

/** A window with screen, keyboard and a tablet, which unlike a mouse never captures the host's pointer. */
export function window(backend: string, gpu: string): Words {
  return [
    ...option("-display", backend),
    ...option("-device", gpu),
    ...option("-device", "virtio-keyboard-pci"),
    ...option("-device", "virtio-tablet-pci"),
  ];
}

// --- internal ---

function fileNode(filename: string): Json {
  return { driver: "file", filename };
}
