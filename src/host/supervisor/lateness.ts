/** Why a VM that should be up by now is not, in words. */
import type { ErrorReport } from "../../base/errors.ts";
import type { Limits, Phase, State } from "./states.ts";

/** How long the commands of the settings may take, together: they install programs over slow networks. */
export const provisionMs = 1_800_000;

/**
 * How often a guest that falls silent while it boots is reset before it counts as broken. One of 35 UEFI boots under
 * TCG stuck right after the kernel's first line (decision D79), so once in 1,225 a second reset is needed.
 */
export const resetsMax = 2;

/** The error of a start that has taken too long. */
export function lateness(state: Extract<State, { name: "starting" }>, { bootMs }: Limits): ErrorReport {
  if (state.isWaiting) return fullDisk();
  return state.isProvisioning ? provisionTimeout() : bootTimeout(state.phase, bootMs);
}

/** The error of a guest that no reset has helped. */
export function silentBoot(): ErrorReport {
  return {
    code: "BOOT_TIMEOUT",
    message: `The guest fell silent while it booted, and ${resetsMax} resets did not help.`,
    hint: "`qn logs --source serial` shows how far the guest came.",
  };
}

/**
 * How long a boot may take with this accelerator, and how long the guest may be silent meanwhile: emulation is some ten
 * times slower.
 */
export function patienceOf(accel: string | undefined): { readonly bootMs: number; readonly silenceMs: number } {
  return accel === "tcg" ? { bootMs: 600_000, silenceMs: 90_000 } : { bootMs: 120_000, silenceMs: 30_000 };
}

// --- internal ---

/** What each phase waits for, in the words of the message when it never comes. */
const waitedFor: Record<Phase, string> = {
  image: "the image",
  disks: "the disks",
  boot: "the guest to boot",
  agent: "the agent in the guest",
  docker: "Docker in the guest",
};

function fullDisk(): ErrorReport {
  return {
    code: "DISK_FAILED",
    message:
      "The guest could not go on: this machine cannot write to its disks, most likely because there is no space left.",
    hint: "Free some space below QN_HOME, then `qn up` again.",
  };
}

function provisionTimeout(): ErrorReport {
  return {
    code: "BOOT_TIMEOUT",
    message: `The commands of the setting provision have not ended after ${provisionMs / 60_000} min.`,
    hint: "`qn logs --source agent` shows what those before it said; a server belongs in a unit or a container.",
  };
}

function bootTimeout(phase: Phase, bootMs: number): ErrorReport {
  return {
    code: phase === "docker" ? "DOCKER_UNREACHABLE" : "BOOT_TIMEOUT",
    message: `Waited ${Math.round(bootMs / 1000)} s in vain for ${waitedFor[phase]}.`,
    hint:
      phase === "docker"
        ? "`qn logs --source agent` and `qn logs --source serial` show what the guest said; `--timeout` gives it longer."
        : "`qn logs --source serial` shows how far the guest came; `--timeout` gives it longer.",
  };
}
