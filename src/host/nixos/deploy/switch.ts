/**
 * Switches a guest to another system, and back when agent or Docker do not come back. The guest itself holds the
 * deadline.
 */
import { QnError } from "../../../base/errors.ts";
import { pause } from "../../../system/clock.ts";
import { dismissMasters } from "../../integrate/ssh-master.ts";
import type { VmPaths } from "../../layout.ts";
import { dockerAnswers } from "../../lifecycle/health.ts";
import type { Environment } from "../../vm/settings.ts";
import type { DeployGuest } from "./guest-script.ts";

/** What to switch to. */
export type SwitchOptions = {
  readonly paths: VmPaths;
  readonly env: Environment;
  readonly guest: DeployGuest;
  /** The new system, and its generation when it is one that the profile has already. */
  readonly system: { readonly path: string; readonly generation?: number | undefined };
  /** The guest goes back by itself when it was not told within this time that the new system is well. */
  readonly deadlineS: number;
  readonly onPhase: (phase: "switch" | "health" | "rollback") => void;
  /** Calls it off: the guest goes back at once. */
  readonly signal: AbortSignal;
};

/** How often a guest that is silent, or not well yet, is looked at again. */
const lookAgainMs = 1_000;

/** How long going back may take after the deadline: an emulated guest starts Docker in a minute. */
const backMs = 300_000;

/**
 * Switches. Throws DEPLOY_FAILED when nothing was changed, DEPLOY_ROLLED_BACK when the old system is back, with the
 * reason, and INTERRUPTED when it was called off and the old system is back.
 */
export async function switchSystem(options: SwitchOptions): Promise<void> {
  try {
    await switchOrGoBack(options);
  } finally {
    // A connection of before has the login user's old groups and environment.
    await dismissMasters(options.paths);
  }
}

// --- internal ---

async function switchOrGoBack(options: SwitchOptions): Promise<void> {
  const { guest, system, deadlineS, onPhase, signal } = options;
  onPhase("switch");
  const about = system.path;
  await guest.call(["begin", system.path, `${deadlineS}`, `${system.generation ?? 0}`], about);
  const endMs = Date.now() + deadlineS * 1000;
  const called = callOffWhen(signal, guest);
  try {
    const status = await switched(options, endMs);
    if (status === "0" && !signal.aborted) {
      onPhase("health");
      if ((await becomesWell(options, endMs)) && (await commit(guest, about)) === "done") return;
    }
  } finally {
    called.done();
  }
  onPhase("rollback");
  throw await rolledBack(options, endMs + backMs);
}

/** The exit status of the switch once it has ended; nothing when it has not by the deadline, or was killed. */
async function switched({ guest, signal }: SwitchOptions, endMs: number): Promise<string | undefined> {
  while (Date.now() < endMs && !signal.aborted) {
    // A switch may restart sshd or the network under this very question.
    const said = (await guest.attempt(["await", "switch"]))?.stdout.trim();
    if (said !== undefined && said !== "none" && said !== "") return said;
    if (said === "none") return undefined;
    await pause(lookAgainMs, signal);
  }
  return undefined;
}

/** Waits until the agent and Docker answer, seen from both sides; false at the deadline, or when it was called off. */
async function becomesWell(options: SwitchOptions, endMs: number): Promise<boolean> {
  while (Date.now() < endMs && !options.signal.aborted) {
    if (await isWell(options)) return true;
    await pause(lookAgainMs, options.signal);
  }
  return false;
}

async function isWell({ paths, env, guest }: SwitchOptions): Promise<boolean> {
  return (await guest.attempt(["well"]))?.exitCode === 0 && (await dockerAnswers(paths, env));
}

/** Makes the new system the one that boots; "late" when the guest has gone back meanwhile. Throws DEPLOY_FAILED. */
async function commit(guest: DeployGuest, about: string): Promise<"done" | "late"> {
  const outcome = await guest.attempt(["commit"]);
  if (outcome?.exitCode === 0) return "done";
  const said = outcome?.stderr.trim().replace("qn-deploy: ", "") ?? "the guest is silent";
  if (said === "too-late") return "late";
  // The answer may have been lost on its way; the guest knows what was decided.
  const decided = outcome === undefined ? (await guest.attempt(["outcome"]))?.stdout : undefined;
  if (decided?.startsWith("commit") === true) return "done";
  throw new QnError("DEPLOY_FAILED", `${about} runs, but could not be made the one that boots: ${said}.`, {
    hint: "`qn deploy --rollback` goes back; a restart of the guest does, too.",
  });
}

/** What became of going back, as the error that the deployment ends with. */
async function rolledBack(options: SwitchOptions, endMs: number): Promise<QnError> {
  const { guest, paths, system, signal } = options;
  let status: string | undefined;
  let why = "the guest said nothing";
  while (Date.now() < endMs) {
    const decision = (await guest.attempt(["outcome"]))?.stdout.split("\n")[0] ?? "";
    if (decision.startsWith("rollback: ")) {
      why = decision.slice("rollback: ".length);
      const said = (await guest.attempt(["await", "rollback"]))?.stdout.trim();
      if (said !== undefined && said !== "none") {
        status = said;
        break;
      }
    }
    await pause(lookAgainMs);
  }
  const details = (await guest.attempt(["log", "switch"]))?.stdout.trim().split("\n") ?? [];
  if (status === "0" && signal.aborted) return new QnError("INTERRUPTED", "The deployment was called off.");
  if (status === "0") {
    const message = `${system.path} was not kept: ${why}. The guest of "${paths.name}" has gone back.`;
    return new QnError("DEPLOY_ROLLED_BACK", message, { details });
  }
  const how = status === undefined ? "is silent" : `went back with status ${status}`;
  return new QnError("DEPLOY_FAILED", `${system.path} was not kept: ${why}; and the guest ${how}.`, {
    details,
    hint: "`qn restart` boots the old system.",
  });
}

/** Has the guest go back as soon as the deployment is called off. */
function callOffWhen(signal: AbortSignal, guest: DeployGuest): { done(): void } {
  const callOff = (): void => void guest.attempt(["call-off"]);
  signal.addEventListener("abort", callOff, { once: true });
  if (signal.aborted) callOff();
  return { done: () => signal.removeEventListener("abort", callOff) };
}
