/** Finds out what this host, its QEMU and its firmware can do for a guest. */
import { realpath, stat } from "node:fs/promises";
import { availableParallelism, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { QnError } from "../../base/errors.ts";
import { type Arch, type HostOs, hostOses } from "../../base/words.ts";
import { isThere, readTextIfThere } from "../../system/files.ts";
import { ownArch } from "../../system/platform.ts";
import { findProgram, run } from "../../system/process.ts";
import { bareArgs, sandboxArgs } from "./args.ts";
import { headless, virtiofsDevice } from "./devices.ts";
import type { HostFacts, Usability } from "./facts.ts";
import { ownInstallHint } from "./install-hint.ts";
import { sharedMemoryKinds } from "./memory.ts";
import { option } from "./option.ts";
import { type Accel, type MediaSystem, guestPlatforms, hostPlatforms } from "./platforms.ts";
import { type AccelQuestion, lookAtAccel, runMiniGuest, sysctl } from "./probe-accel.ts";
import { remembered } from "./probe-cache.ts";
import { type Environment, probeFirmware } from "./probe-firmware.ts";

/** What to find out, and where to remember it. */
export type ProbeOptions = {
  readonly env: Environment;
  /** The folder where what trials have shown is remembered; made when it is not there. */
  readonly cacheFolder: string;
  readonly sound?: boolean;
  readonly window?: boolean;
};

/**
 * Probes this host for guests of `arch`. QN_QEMU and QN_FIRMWARE in `env` name QEMU and the firmware's code; else they
 * are looked for. Throws QEMU_MISSING and FIRMWARE_MISSING, with what was looked for.
 */
export async function probeHost(arch: Arch, options: ProbeOptions): Promise<HostFacts> {
  const { env } = options;
  const os = hostOs();
  const path = findQemu(os, arch, env);
  const version = await qemuVersion(path);
  const question: AccelQuestion = { os, arch: ownArch(), guestArch: arch, qemuPath: path };
  // By itself: what is missing is said before trials begin, which nobody would wait for then.
  const firmware = await probeFirmware(arch, path, env);
  const [trials, sme, audio, display] = await Promise.all([
    probeAccels(question, version, options.cacheFolder),
    os === "darwin" ? sysctl("hw.optional.arm.FEAT_SME") : undefined,
    options.sound === true ? mediaSystems(path, "-audiodev", hostPlatforms[os].audio, env) : [],
    options.window === true ? mediaSystems(path, "-display", hostPlatforms[os].display, env) : [],
  ]);
  return {
    os,
    arch: question.arch,
    cpus: availableParallelism(),
    memoryMiB: Math.floor(totalmem() / 2 ** 20),
    guestArch: arch,
    qemu: { path, version },
    firmware,
    ...trials,
    sme: sme === "1",
    audio,
    display,
  };
}

// --- internal ---

/** Long enough for a program that only prints something on a busy machine. */
const helpDeadlineMs = 10_000;

function hostOs(): HostOs {
  const os = hostOses.find((known) => known === process.platform);
  if (os === undefined) throw new QnError("USAGE", `qn runs on Linux and macOS, and this is "${process.platform}".`);
  return os;
}

function findQemu(os: HostOs, arch: Arch, env: Environment): string {
  const { binary } = guestPlatforms[arch];
  const hint = `${ownInstallHint(arch, env)}; or set QN_QEMU.`;
  const named = env["QN_QEMU"];
  if (named !== undefined && named !== "") {
    const found = findProgram(named, env["PATH"]);
    if (found !== undefined) return resolve(found);
    throw new QnError("QEMU_MISSING", `QN_QEMU names "${named}", which is not a program.`, { hint });
  }
  const folders = hostPlatforms[os].programFolders.map((folder) => resolve(env["HOME"] ?? "/", folder));
  const path = [env["PATH"] ?? "", ...folders].join(":");
  const found = findProgram(binary, path);
  if (found !== undefined) return resolve(found);
  throw new QnError("QEMU_MISSING", `The program ${binary} is in none of ${path}.`, { hint });
}

async function qemuVersion(path: string): Promise<string> {
  const { stdout, stderr } = await run([path, "--version"], { deadlineMs: helpDeadlineMs });
  const [, version] = /^QEMU emulator version (\d+\.\d+\.\d+)/m.exec(stdout) ?? [];
  if (version !== undefined) return version;
  throw new QnError("QEMU_MISSING", `${path} does not say which version of QEMU it is.`, {
    details: `${stdout}\n${stderr}`.trim().split("\n").slice(-5),
  });
}

async function probeAccels(
  question: AccelQuestion,
  version: string,
  cacheFolder: string,
): Promise<Pick<HostFacts, "accels" | "sandbox" | "virtiofs">> {
  const { os, qemuPath } = question;
  const looked = async (accel: Accel): Promise<Usability> => await lookAtAccel(accel, question);
  const [kvm, hvf, tcg] = await Promise.all([looked("kvm"), looked("hvf"), looked("tcg")]);
  const isLinux = os === "linux";
  const file = join(cacheFolder, "accel.json");
  // On a Mac nothing starts to try hvf: whether it can be had says only how long all of this is remembered.
  const { accel, sandbox, virtiofs } = await remembered(file, await trialKey(qemuPath, version, kvm), async () => ({
    accel: kvm.usable ? await runMiniGuest("kvm", { ...question, cacheFolder }) : isLinux ? kvm : hvf,
    sandbox: isLinux && (await sandboxWorks(qemuPath)),
    virtiofs: await lookAtVirtiofs(qemuPath, sharedMemoryKinds[hostPlatforms[os].virtiofs.memory]),
  }));
  return { accels: { kvm: kvm.usable ? accel : kvm, hvf, tcg }, sandbox, virtiofs };
}

/** Names what a trial is about: this boot of the host, this QEMU, and whether there was a kvm to try at all. */
async function trialKey(qemuPath: string, version: string, kvm: Usability): Promise<string> {
  const boot = (await readTextIfThere("/proc/sys/kernel/random/boot_id"))?.trim() ?? "";
  const file = await realpath(qemuPath);
  const { mtimeMs } = await stat(file);
  return [boot, version, mtimeMs, kvm.usable ? "kvm" : "no-kvm", file].join(" ");
}

/** Starts an empty machine in the filter and ends it: some builds lack seccomp, and some containers forbid it. */
async function sandboxWorks(qemuPath: string): Promise<boolean> {
  const { exitCode } = await run(
    [
      qemuPath,
      ...bareArgs,
      ...headless(),
      ...option("-machine", "none"),
      ...sandboxArgs,
      ...option("-chardev", "stdio", { id: "qmp" }),
      ...option("-mon", undefined, { chardev: "qmp", mode: "control" }),
    ],
    {
      stdin: Buffer.from('{"execute":"qmp_capabilities"}{"execute":"quit"}'),
      deadlineMs: helpDeadlineMs,
    },
  );
  return exitCode === 0;
}

/** Whether this QEMU is built with the device and the memory that a server of its own needs (vhost-user). */
async function lookAtVirtiofs(qemuPath: string, memoryKind: string): Promise<Usability> {
  for (const [flag, name] of [
    ["-device", virtiofsDevice],
    ["-object", memoryKind],
  ] as const) {
    const { exitCode } = await run([qemuPath, ...option("-machine", "none"), flag, `${name},help`], {
      deadlineMs: helpDeadlineMs,
    });
    if (exitCode !== 0) return { usable: false, reason: `${qemuPath} is built without ${name}.` };
  }
  return { usable: true };
}

/** Those of `systems` that this QEMU is built with (`flag help` lists them, a name a line) and that answer here. */
async function mediaSystems(
  qemuPath: string,
  flag: string,
  systems: readonly MediaSystem[],
  env: Environment,
): Promise<readonly string[]> {
  const { stdout } = await run([qemuPath, flag, "help"], { deadlineMs: helpDeadlineMs });
  const built = new Set(stdout.split(/\s+/));
  const answers = await Promise.all(
    systems.map(async (system) => built.has(system.name) && (await isHere(system, env))),
  );
  return systems.filter((_, index) => answers[index]).map(({ name }) => name);
}

async function isHere({ path, below, anyOf }: MediaSystem, env: Environment): Promise<boolean> {
  if (anyOf !== undefined) return anyOf.some((name) => (env[name] ?? "") !== "");
  if (path === undefined) return true;
  const folder = below === undefined ? "/" : env[below];
  return folder !== undefined && (await isThere(resolve(folder, path)));
}
