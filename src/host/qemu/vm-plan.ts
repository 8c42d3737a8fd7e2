/** From settings and facts to the specification of a VM, or to every reason why it cannot be. */
import { type ErrorCode, QnError } from "../../base/errors.ts";
import { counted } from "../../base/words.ts";
import { wakeWarnings } from "../config/idle-time.ts";
import type { Share, VmConfig } from "../config/schema.ts";
import { laneSockets, shareSocket, volumeFile, type VmPaths } from "../layout.ts";
import type { VmSpec } from "./args.ts";
import type { SharedFolder } from "./devices.ts";
import type { HostFacts } from "./facts.ts";
import {
  type Accel,
  type MediaSystem,
  accelPlatforms,
  cpuWithSme,
  guestPlatforms,
  hostPlatforms,
} from "./platforms.ts";

/** A share, and who serves it; 9p unless it is named. */
type PlannedShare = Share & {
  readonly driver?: "9p" | "virtiofs" | undefined;
  readonly again?: { readonly tag: string } | undefined;
};

/** All of a VM but what comes from its image, which is looked for when there is a plan. */
export type VmPlan = Omit<VmSpec, "imageDisk" | "kernel">;

/** What a plan is made from. */
export type PlanInput = {
  readonly config: Omit<VmConfig, "mounts"> & { readonly mounts: readonly PlannedShare[] };
  readonly facts: HostFacts;
  readonly paths: VmPaths;
  /** Of a throw-away VM, what it is a copy of; of a template its own paths. */
  readonly template?: VmPaths | undefined;
};

/**
 * Each share is a PCI device on the machine's root bus of 32 slots, /tmp two, and so is each further disk; beside every
 * other device so many fit.
 */
const sharesMax = 16;

/**
 * As many a throw-away VM and its template have, used or not: a state goes on only on the same devices. Which folder
 * each shows is not in it.
 */
const throwawayShares = 8;

/**
 * Plans a VM. Throws when it cannot be: CONFIG_INVALID for settings that this host cannot serve, ACCEL_UNAVAILABLE
 * for an accelerator that cannot run; of several mistakes all are in the message, one a line, and the first gives
 * the code.
 */
export function planVm({ config, facts, paths, template }: PlanInput): VmPlan {
  const choice = chooseAccel(config, facts);
  const audio = config.sound ? facts.audio[0] : undefined;
  const display = config.window ? facts.display[0] : undefined;
  const mistakes = [
    ...sizeMistakes(config, facts, template === undefined ? sharesMax : throwawayShares),
    ...choice.mistakes,
    ...mediaMistakes(config, facts),
    ...networkMistakes(config, facts),
  ];
  const [first] = mistakes;
  if (first !== undefined) {
    throw new QnError(first.code, mistakes.map(({ message }) => message).join("\n"));
  }

  const { accel } = choice;
  const guest = guestPlatforms[config.arch];
  const how = accelPlatforms[accel];
  const ownCpu = accel === "hvf" && facts.sme ? cpuWithSme : how.cpu[config.arch];
  const shares = config.mounts.flatMap((share, index) => sharedFolders(share, index, paths));
  const isCopy = template !== undefined && template.folder !== paths.folder;
  return {
    name: paths.name,
    arch: config.arch,
    qemu: facts.qemu,
    machine: {
      type: guest.machine.type,
      properties: { ...guest.machine.properties, ...gic(config, accel), ...config.qemu.machine },
    },
    globals: guest.globals,
    accel: { name: accel, options: how.options },
    cpu: config.qemu.cpu === "auto" ? ownCpu : config.qemu.cpu,
    cpus: config.cpus,
    memoryMiB: config.memoryMiB,
    firmware: facts.firmware,
    firmwareVars: paths.firmwareVars,
    systemDisk: paths.systemDisk,
    dataDisk: paths.dataDisk,
    volumes: config.volumes.map(({ name }) => ({ name, path: volumeFile(paths, name) })),
    isClosed: config.network.reach === "none",
    lan: config.network.tap === "none" ? undefined : { tap: config.network.tap, mac: config.network.mac },
    sharedMemory: hostPlatforms[facts.os].virtiofs.memory,
    shares: template === undefined ? shares : filledUp(shares, paths),
    credentialFiles: [paths.credentialFile, paths.sshKeyCredentialFile],
    serialSocket: paths.serialSocket,
    consoleDevice: guest.consoleDevice,
    qmpSocket: paths.qmpSocket,
    laneSockets: laneSockets(paths),
    sound: audio,
    window: display === undefined ? undefined : { backend: display, gpu: guest.gpu },
    // Sound and window libraries start programs of their own, which the filter forbids.
    sandbox: facts.sandbox && audio === undefined && display === undefined,
    takesMemoryBack: template === undefined && hostPlatforms[facts.os].takesMemoryBack,
    throwaway: template && { memoryFile: template.memory, layer: isCopy ? template.systemDisk : undefined },
    extra: config.qemu.args,
    warnings: [
      ...choice.warnings,
      ...sizeWarnings(config, facts, accel),
      ...mountWarnings(config, facts),
      ...wakeWarnings(config.idle),
    ],
  };
}

// --- internal ---

type Mistake = { readonly code: ErrorCode; readonly message: string };

type AccelChoice = {
  readonly accel: Accel;
  readonly mistakes: readonly Mistake[];
  readonly warnings: readonly string[];
};

function chooseAccel(config: VmConfig, facts: HostFacts): AccelChoice {
  const own = hostPlatforms[facts.os].accel;
  const accel = config.accel === "auto" ? own : config.accel;
  const fact = facts.accels[accel];
  if (fact.usable) return { accel, mistakes: [], warnings: [] };
  if (config.accel === "auto") {
    const warning = `The guest is emulated (tcg), many times slower than with ${own}. ${fact.reason}`;
    return { accel: "tcg", mistakes: [], warnings: [warning] };
  }
  const message = `accel is "${accel}", which cannot run ${config.arch} guests here. ${fact.reason}`;
  return { accel, mistakes: [{ code: "ACCEL_UNAVAILABLE", message }], warnings: [] };
}

function sizeMistakes(config: VmConfig, facts: HostFacts, mountsMax: number): readonly Mistake[] {
  const mistakes: Mistake[] = [];
  if (config.memoryMiB > facts.memoryMiB) {
    mistakes.push({
      code: "CONFIG_INVALID",
      message: `memoryMiB is ${config.memoryMiB}, but the host has only ${facts.memoryMiB}.`,
    });
  }
  const disks = config.volumes.length;
  const fitting = (config.network.tap === "none" ? mountsMax : mountsMax - 1) - disks;
  if (config.mounts.length > fitting) {
    const beside = disks === 0 ? "" : ` beside ${counted(disks, "further disk")}`;
    mistakes.push({
      code: "CONFIG_INVALID",
      message: `The VM has ${config.mounts.length} mounts, /tmp included; at most ${fitting} fit${beside}.`,
    });
  }
  return mistakes;
}

function networkMistakes({ network }: PlanInput["config"], facts: HostFacts): readonly Mistake[] {
  if (network.tap === "none") return [];
  const mistake = (but: string): Mistake => ({
    code: "CONFIG_INVALID",
    message: `network.tap is "${network.tap}", but ${but}.`,
  });
  return [
    ...(facts.os === "linux" ? [] : [mistake(`${hostPlatforms[facts.os].title} has no TAP devices`)]),
    ...(network.reach === "none" ? [mistake('network.reach is "none", and a second card reaches a network')] : []),
  ];
}

function mediaMistakes(config: VmConfig, facts: HostFacts): readonly Mistake[] {
  const { audio, display } = hostPlatforms[facts.os];
  const missing = (setting: string, systems: readonly MediaSystem[]): Mistake => ({
    code: "CONFIG_INVALID",
    message: `${setting} is true, but ${facts.qemu.path} can use none of ${systems.map(({ name }) => name).join(", ")} here.`,
  });
  return [
    ...(config.sound && facts.audio.length === 0 ? [missing("sound", audio)] : []),
    ...(config.window && facts.display.length === 0 ? [missing("window", display)] : []),
  ];
}

function sizeWarnings(config: VmConfig, facts: HostFacts, accel: Accel): readonly string[] {
  if (config.cpus <= facts.cpus) return [];
  const cost =
    accel === "tcg" ? "emulated processors then wait for each other" : "the guest then runs slower, not faster";
  return [`cpus is ${config.cpus}, but the host has only ${facts.cpus}; ${cost}.`];
}

function mountWarnings({ mounts }: PlanInput["config"], { os }: HostFacts): readonly string[] {
  const { title, virtiofs } = hostPlatforms[os];
  if (virtiofs.isSeen || mounts.every(({ driver }) => driver !== "virtiofs")) return [];
  return [
    `Mounts are served by virtiofs, which nobody has seen work on ${title} yet. Keep copies of what matters; \`files.driver: 9p\` is what was tried.`,
  ];
}

function gic(config: VmConfig, accel: Accel): Record<string, string> {
  const controller = guestPlatforms[config.arch].interruptController;
  if (controller === undefined) return {};
  const above = config.cpus > controller.cpusMax ? controller.above : undefined;
  const version = accelPlatforms[accel].gicVersion ?? above;
  return version === undefined ? {} : { "gic-version": version };
}

function sharedFolders(share: PlannedShare, index: number, paths: VmPaths): SharedFolder[] {
  const { path, readOnly, security, driver, again } = share;
  const tag = `qn${index}`;
  const folder = { path, readOnly, security, socket: driver === "virtiofs" ? shareSocket(paths, tag) : undefined };
  return [{ tag, ...folder }, ...(again === undefined ? [] : [{ tag: again.tag, ...folder }])];
}

/** Empty ones behind those that there are. */
function filledUp(shares: readonly SharedFolder[], { emptyFolder }: VmPaths): readonly SharedFolder[] {
  const empty = Array.from({ length: throwawayShares - shares.length }, (_, index) => ({
    tag: `qn${shares.length + index}`,
    path: emptyFolder,
    readOnly: true,
  }));
  return [...shares, ...empty];
}
