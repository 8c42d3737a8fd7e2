/** From the specification of a VM to QEMU's command line. */
import type { Arch } from "../../base/words.ts";
import { dataDisk } from "../../protocol/disks.ts";
import { gateGuestPort, sshGuestPort } from "../../protocol/messages.ts";
import * as devices from "./devices.ts";
import { fileMemory, memoryId, sharedMemory } from "./memory.ts";
import { option } from "./option.ts";
import { type Accel, type Firmware, guestPlatforms } from "./platforms.ts";

/**
 * What a throw-away VM's QEMU and its template's have that others have not. `memoryFile` is the template's. A copy has
 * the `layer`, which is the template's system disk, and writes to neither.
 */
export type Throwaway = { readonly memoryFile: string; readonly layer: string | undefined };

/** Everything that QEMU is told about one VM. */
export type VmSpec = {
  readonly name: string;
  readonly arch: Arch;
  readonly qemu: { readonly path: string; readonly version: string };
  readonly machine: { readonly type: string; readonly properties: Readonly<Record<string, string>> };
  readonly globals: readonly { readonly driver: string; readonly property: string; readonly value: string }[];
  readonly accel: { readonly name: Accel; readonly options: Readonly<Record<string, string>> };
  readonly cpu: string;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly firmware: Firmware;
  /** The kernel that QEMU starts; without it the firmware looks for one on the system disk. */
  readonly kernel: devices.DirectKernel | undefined;
  /** The VM's own store of the firmware's variables, a copy of `firmware.vars.template`; unused when there is none. */
  readonly firmwareVars: string;
  readonly systemDisk: string;
  /** The image's disk, which the system disk lies on. */
  readonly imageDisk: string;
  readonly dataDisk: string;
  /** Further disks, by name. */
  readonly volumes: readonly devices.OwnDisk[];
  /** Whether the guest reaches nothing outside itself. */
  readonly isClosed: boolean;
  readonly lan: { readonly tap: string; readonly mac: string } | undefined;
  readonly shares: readonly devices.SharedFolder[];
  /** The memory of a guest that has folders by virtiofs. */
  readonly sharedMemory: keyof typeof sharedMemory;
  /** Files that hold one SMBIOS type 11 string each. */
  readonly credentialFiles: readonly string[];
  readonly serialSocket: string;
  /** The Linux name of the serial console in the guest. */
  readonly consoleDevice: string;
  readonly qmpSocket: string;
  readonly laneSockets: readonly string[];
  readonly sound: string | undefined;
  readonly window: { readonly backend: string; readonly gpu: string } | undefined;
  readonly sandbox: boolean;
  /** Whether what the guest frees is this machine's again. */
  readonly takesMemoryBack: boolean;
  readonly throwaway?: Throwaway | undefined;
  /** The user's own words, at the end. */
  readonly extra: readonly string[];
  /** What a person should know before waiting, as sentences. */
  readonly warnings: readonly string[];
};

/** The host's ports of one boot: where gate and sshd of the guest are reached, on the loopback. 0 is any free one. */
export type BootPorts = { readonly gate: number; readonly ssh: number };

/** Nothing is there that is not named: no monitor on the terminal, no second network card, no VGA, no user's file. */
export const bareArgs = ["-nodefaults", "-no-user-config"] as const;

/** QEMU's command line for one boot, the program first. */
export function qemuArgs(spec: VmSpec, ports: BootPorts): readonly string[] {
  return argsWith(spec, ports, devices.share);
}

/** The same for a guest that was saved, and is loaded: what was unplugged before is not there, but for its port. */
export function incomingArgs(spec: VmSpec, ports: BootPorts): readonly string[] {
  const loaded = argsWith(spec, ports, (share) => (share.socket === undefined ? devices.share(share) : []));
  return [...loaded, "-S", ...option("-incoming", "defer")];
}

/** Whether the firmware has a part in the start, and keeps its variables in a store. */
export function startsWithUefi({ kernel, arch }: Pick<VmSpec, "kernel" | "arch">): boolean {
  return kernel === undefined || guestPlatforms[arch].kernelNeedsUefi;
}

/**
 * The seccomp filter: the same that libvirt gives every QEMU. A guest that breaks out of its devices starts no
 * programs and gains no rights.
 */
export const sandboxArgs = option("-sandbox", "on", {
  obsolete: "deny",
  elevateprivileges: "deny",
  spawn: "deny",
  resourcecontrol: "deny",
});

// --- internal ---

/** The chassis of the ports of shares count from here: the user's own words hardly have these. */
const firstChassis = 100;

function argsWith(spec: VmSpec, ports: BootPorts, wordsOf: typeof devices.share): readonly string[] {
  const isUefi = startsWithUefi(spec);
  const flash = { pflash0: devices.nodes.firmwareCode, pflash1: spec.firmware.vars && devices.nodes.firmwareVars };
  const isServed = spec.shares.some(({ socket }) => socket !== undefined);
  const { throwaway } = spec;
  const hasBackend = isServed || throwaway !== undefined;
  const memory = hasBackend ? { "memory-backend": memoryId } : {};
  const { generationDevice } = guestPlatforms[spec.arch];
  return [
    spec.qemu.path,
    ...option("-name", `qn-${spec.name}`),
    ...bareArgs,
    ...(spec.sandbox ? sandboxArgs : []),
    ...(isServed ? sharedMemory[spec.sharedMemory](spec.memoryMiB) : []),
    ...(throwaway === undefined ? [] : fileMemory(throwaway.memoryFile, spec.memoryMiB, throwaway.layer === undefined)),
    ...option("-machine", spec.machine.type, { ...spec.machine.properties, ...(isUefi && flash), ...memory }),
    ...option("-accel", spec.accel.name, spec.accel.options),
    ...option("-cpu", spec.cpu),
    ...option("-smp", undefined, { cpus: spec.cpus, sockets: 1, cores: spec.cpus, threads: 1 }),
    ...option("-m", undefined, { size: `${spec.memoryMiB}M` }),
    ...spec.globals.flatMap((global) => option("-global", undefined, global)),
    ...devices.monitor(spec.qmpSocket),
    ...devices.serialConsole(spec.serialSocket),
    ...(isUefi ? devices.firmwareFlash(spec.firmware, spec.firmwareVars) : []),
    ...(spec.kernel === undefined ? [] : devices.directKernel(spec.kernel)),
    ...spec.credentialFiles.flatMap((file) => devices.credential(file)),
    ...devices.systemDisk(spec.systemDisk, spec.imageDisk, throwaway?.layer),
    ...devices.ownDisk({ name: dataDisk, path: spec.dataDisk }),
    ...devices.network(
      [
        { hostPort: ports.gate, guestPort: gateGuestPort },
        { hostPort: ports.ssh, guestPort: sshGuestPort },
      ],
      spec.isClosed,
    ),
    ...(spec.lan === undefined ? [] : devices.lan(spec.lan.tap, spec.lan.mac)),
    ...devices.doorbell(),
    ...devices.lanes(spec.laneSockets),
    ...devices.randomness(),
    ...(throwaway === undefined ? devices.balloon() : []),
    ...(throwaway === undefined || generationDevice === undefined ? [] : devices.generation(generationDevice)),
    ...spec.shares.flatMap((share, index) => [
      ...(share.socket === undefined ? [] : devices.sharePort(share.tag, firstChassis + index)),
      ...wordsOf(share),
    ]),
    // Behind the others, which keep their places on the bus whatever disks come and go.
    ...spec.volumes.flatMap((volume) => devices.ownDisk(volume)),
    ...(spec.sound === undefined ? [] : devices.sound(spec.sound)),
    ...(spec.window === undefined ? devices.headless() : devices.window(spec.window.backend, spec.window.gpu)),
    ...spec.extra,
  ];
}
