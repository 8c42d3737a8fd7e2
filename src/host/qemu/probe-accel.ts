/** Finds out which accelerators can really run a guest here: by looking, and at last by running one. */
import { mkdir, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../base/errors.ts";
import type { Arch, HostOs } from "../../base/words.ts";
import { isErrno } from "../../system/errno.ts";
import { writeFileAtomically } from "../../system/files.ts";
import { type Outcome, run } from "../../system/process.ts";
import { bareArgs } from "./args.ts";
import { headless } from "./devices.ts";
import type { Usability } from "./facts.ts";
import { miniGuests } from "./mini-guest.ts";
import { option } from "./option.ts";
import { type Accel, accelPlatforms, guestPlatforms, hostPlatforms } from "./platforms.ts";

/** The host and the QEMU that are asked. */
export type AccelQuestion = {
  readonly os: HostOs;
  readonly arch: Arch;
  readonly guestArch: Arch;
  readonly qemuPath: string;
};

/** Which QEMU runs the mini guest, and QN_HOME's folder for its firmware. */
export type MiniGuestQuestion = Pick<AccelQuestion, "qemuPath" | "guestArch"> & { readonly cacheFolder: string };

/**
 * How long the mini guest may take: 0.1 s with kvm, 0.5 s emulated, but seconds where the machine is busy and QEMU
 * comes from its disk for the first time. A broken KVM hangs for ever.
 */
const miniGuestDeadlineMs = 10_000;

/**
 * Everything but running a guest: cheap, so it is looked at anew each time, and what a person has just repaired
 * (a group, a module) counts at once.
 */
export async function lookAtAccel(accel: Accel, question: AccelQuestion): Promise<Usability> {
  if (accel === "tcg") return { usable: true };
  const { title } = accel === "kvm" ? hostPlatforms.linux : hostPlatforms.darwin;
  if (hostPlatforms[question.os].accel !== accel) return unusable(`${accel} exists on ${title} only.`);
  if (accel === "hvf" && (await sysctl("sysctl.proc_translated")) === "1") {
    return unusable("qn runs translated by Rosetta: install the arm64 build of qn and of QEMU.");
  }
  if (question.guestArch !== question.arch) {
    return unusable(`${accel} runs only guests of the host's own architecture, ${question.arch}.`);
  }
  const host = accel === "kvm" ? await lookAtKvm(question.arch) : await lookAtHvf();
  if (!host.usable) return host;
  // Some versions of QEMU print this help on stderr.
  const help = await run([question.qemuPath, "-accel", "help"], { deadlineMs: miniGuestDeadlineMs });
  if (`${help.stdout}\n${help.stderr}`.split(/\s+/).includes(accel)) return { usable: true };
  return unusable(`${question.qemuPath} is built without ${accel}.`);
}

/**
 * Runs the mini guest of `guestArch` and sees whether it comes to its end. Its firmware is written into `cacheFolder`,
 * which no guest sees, and stays there. `cpu` is QEMU's name of the processor; the accelerator's usual one unless
 * given.
 */
export async function runMiniGuest(
  accel: Accel,
  { qemuPath, guestArch, cacheFolder }: MiniGuestQuestion,
  options: { readonly cpu?: string; readonly deadlineMs?: number } = {},
): Promise<Usability> {
  const { cpu = accelPlatforms[accel].cpu[guestArch], deadlineMs = miniGuestDeadlineMs } = options;
  const guest = miniGuests[guestArch]();
  const firmware = join(cacheFolder, `mini-guest-${guestArch}.bin`);
  try {
    await mkdir(cacheFolder, { recursive: true });
    await writeFileAtomically(firmware, guest.firmware);
  } catch (error) {
    // Not known is no reason to fail: a person who looks for what is wrong has to hear of the full disk, too. It is not
    // remembered, since that is written to the same folder.
    return unusable(`It could not be tried, since ${firmware} cannot be written: ${messageOf(error)}.`);
  }
  const { gicVersion } = accelPlatforms[accel];
  const { machine, interruptController } = guestPlatforms[guestArch];
  const outcome = await run(
    [
      qemuPath,
      ...bareArgs,
      ...headless(),
      "-no-reboot",
      ...option("-m", "64"),
      ...option("-machine", machine.type, { "gic-version": interruptController && gicVersion }),
      ...option("-accel", accel),
      ...option("-cpu", cpu),
      ...option("-bios", firmware),
      ...guest.args,
    ],
    { deadlineMs },
  );
  return judged(accel, outcome, guest.exitCode, deadlineMs);
}

/** The value of a macOS kernel setting; nothing when this kernel has none of that name. */
export async function sysctl(name: string): Promise<string | undefined> {
  const { exitCode, stdout } = await run(["/usr/sbin/sysctl", "-n", name], { deadlineMs: miniGuestDeadlineMs });
  return exitCode === 0 ? stdout.trim() : undefined;
}

// --- internal ---

const kvmDevice = "/dev/kvm";

/** The processor's flags that say that it can run guests (Intel's and AMD's), as /proc/cpuinfo writes them. */
const virtualizationFlags = /^flags\s*:.*\b(?:vmx|svm)\b/m;

async function lookAtKvm(arch: Arch): Promise<Usability> {
  const refused = await whyNotOpened(kvmDevice);
  if (refused !== undefined && isErrno(refused, "ENOENT")) return unusable(`There is no ${kvmDevice}.`);
  // Before rights are asked for that would be of no use.
  if (arch === "x86_64" && !virtualizationFlags.test(await readFile("/proc/cpuinfo", "utf8"))) {
    return unusable(
      `${kvmDevice} is there, but the processor shows neither vmx nor svm: virtualization is off in the firmware, or this is a virtual machine without nesting.`,
    );
  }
  if (refused === undefined) return { usable: true };
  if (isErrno(refused, "EACCES")) {
    return unusable(`This user may not open ${kvmDevice}; become a member of the group that owns it, usually kvm.`);
  }
  return unusable(`${kvmDevice} cannot be opened: ${messageOf(refused)}.`);
}

async function whyNotOpened(path: string): Promise<unknown> {
  try {
    await (await open(path, "r+")).close();
    return undefined;
  } catch (error) {
    return error;
  }
}

async function lookAtHvf(): Promise<Usability> {
  const support = await sysctl("kern.hv_support");
  if (support === "1") return { usable: true };
  return unusable(`macOS offers no virtualization here (kern.hv_support is ${support ?? "absent"}).`);
}

function judged(accel: Accel, outcome: Outcome, exitCode: number, deadlineMs: number): Usability {
  if (outcome.signal === undefined && outcome.exitCode === exitCode) return { usable: true };
  const said = outcome.stderr.trim().split("\n").at(-1) ?? "";
  const words = said === "" ? "" : ` It said: ${said}`;
  if (outcome.signal === "SIGKILL") {
    return unusable(`A guest of a few instructions did not end within ${deadlineMs / 1000} s with ${accel}.${words}`);
  }
  const end = outcome.signal === undefined ? `status ${outcome.exitCode}` : outcome.signal;
  return unusable(`QEMU ended with ${end} when it tried to run a guest of a few instructions with ${accel}.${words}`);
}

function unusable(reason: string): Usability {
  return { usable: false, reason };
}
