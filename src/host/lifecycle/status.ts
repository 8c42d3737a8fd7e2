/** What a VM does now, derived from what can be seen: its lock, its supervisor, its QEMU; never from a note on disk. */
import { readdirSync } from "node:fs";
import { basename } from "node:path";
import { lazily } from "../../base/lazily.ts";
import { after } from "../../system/clock.ts";
import { isErrno } from "../../system/errno.ts";
import { readTextAtOnce } from "../../system/files-at-once.ts";
import { isVmName, type Layout, type VmPaths } from "../layout.ts";
import { filesOfVm } from "../vm/files-of-vm.ts";
import type { Loaded } from "../config/load.ts";
import type { Environment } from "../vm/settings.ts";
import { snapshotNames } from "../snapshot/names.ts";
import type { Status } from "../supervisor/messages.ts";
import { restingSummary, type StatusSummary } from "../supervisor/resting-summary.ts";

/** How long a supervisor may take to answer; it answers at once unless it hangs. */
const answerMs = 2_000;

/**
 * The status of one VM, and its Docker context; a supervisor that does not answer in time makes it "degraded". Throws
 * NO_SUCH_VM when there is none.
 */
export async function statusOfVm(paths: VmPaths, env: Environment): Promise<Status> {
  const [status, context] = await Promise.all([
    seen<Status>(paths, { patienceMs: answerMs, memory: true }, async () => {
      const [read, { restingStatus }] = await Promise.all([
        settingsOf(paths.commonConfig, env)(),
        import("../supervisor/resting-status.ts"),
      ]);
      return restingStatus(paths, read(paths).config);
    }),
    import("../integrate/docker/context.ts").then(({ contextOf }) => contextOf(paths, env)),
  ]);
  return { ...status, docker: { ...status.docker, context: context?.name ?? null } };
}

/** What a list shows of a VM. */
export type Summary = StatusSummary & { readonly snapshots: readonly string[] };

/**
 * What gives what a list shows of each VM, whose supervisor may take `patienceMs`; it throws as `statusOfVm` does. What
 * the VMs share is read once.
 */
export function summariesOf(
  layout: Layout,
  env: Environment,
  patienceMs: number,
): (paths: VmPaths) => Promise<Summary> {
  const settings = settingsOf(layout.config, env);
  return async (paths) => {
    const { state, reason, arch, cpus, memoryMiB, image } = await seen<StatusSummary>(paths, { patienceMs }, async () =>
      restingSummary((await settings())(paths).config),
    );
    return { state, reason, arch, cpus, memoryMiB, image, snapshots: snapshotNames(paths) };
  };
}

/** The VMs of a QN_HOME by name, in order; each has a folder whose name is its own. */
export async function vmNames(layout: Layout): Promise<readonly string[]> {
  try {
    const entries = readdirSync(layout.home, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && isVmName(entry.name))
      .map((entry) => entry.name)
      .toSorted();
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}

// --- internal ---

/**
 * What the supervisor says, or else `atRest` and what is left behind. What a command waits for is loaded when it is
 * known to be needed: what speaks with a supervisor, or looks for what one has left, where there may be one, and the
 * table of settings, where there is none. It is a fifth of `qn status`.
 */
async function seen<AtRest extends StatusSummary>(
  paths: VmPaths,
  question: Question,
  atRest: () => Promise<AtRest>,
): Promise<Status | AtRest> {
  const files = filesOfVm(paths);
  if (!files.has(basename(paths.controlSocket))) return await withoutSupervisor(paths, await atRest(), files);
  const answer = await askSupervisor(paths, question);
  if (answer === "late") return { ...(await atRest()), state: "degraded", reason: silent };
  // What a supervisor leaves behind that has just ended came after the first look.
  return answer === "nobody" ? await withoutSupervisor(paths, await atRest(), filesOfVm(paths)) : answer;
}

/** How long a supervisor may take to answer, and whether it should ask the guest how much memory it uses. */
type Question = { readonly patienceMs: number; readonly memory?: boolean };

/** The settings of each VM of a home, read when the first is asked for. */
type SettingsOf = () => Promise<(paths: VmPaths) => Loaded>;

function settingsOf(commonConfig: string, env: Environment): SettingsOf {
  return lazily(async () => (await import("../vm/settings.ts")).settingsReader(commonConfig, env));
}

const silent = "The supervisor does not answer.";

/** What the supervisor says. Nobody says anything when there is none, or when it ended before it answered. */
async function askSupervisor(paths: VmPaths, { patienceMs, memory }: Question): Promise<Status | "late" | "nobody"> {
  const { connectControl, eventsOf } = await import("../supervisor/control.ts");
  const control = await connectControl(paths.controlSocket);
  if (control === undefined) return "nobody";
  let isLate = false;
  const late = after(patienceMs, () => {
    isLate = true;
    control.close();
  });
  try {
    for await (const event of eventsOf(control, { ask: "status", memory }))
      if (event.event === "status") return event.status;
  } finally {
    late.cancel();
  }
  return isLate ? "late" : "nobody";
}

/** What is left behind tells: by `files`, the names in its folder. */
async function withoutSupervisor<AtRest extends StatusSummary>(
  paths: VmPaths,
  resting: AtRest,
  files: ReadonlySet<string>,
): Promise<AtRest> {
  const has = (path: string): boolean => files.has(basename(path));
  if (has(paths.qmpSocket) && (await (await import("../../system/net/connection.ts")).isListenedAt(paths.qmpSocket))) {
    const reason = "The supervisor has died; QEMU lives on. `qn up` takes it over.";
    return { ...resting, state: "degraded", reason };
  }
  if (has(paths.lock) && (await import("../../system/kernel/lock.ts")).isLocked(paths.lock))
    return { ...resting, state: "starting" };
  if (has(paths.suspended)) return { ...resting, state: "suspended" };
  const failure = has(paths.lastFailure) ? readTextAtOnce(paths.lastFailure) : undefined;
  // Whoever starts a VM, or works at its disks, holds its lock; before that there are settings alone.
  if (failure === undefined) return has(paths.lock) ? resting : { ...resting, reason: "It was never started." };
  return { ...resting, state: "failed", reason: messageIn(failure) };
}

/** The message of a failure's record; a record that was cut short still says that something failed. */
function messageIn(record: string): string {
  try {
    const value: unknown = JSON.parse(record);
    if (typeof value === "object" && value !== null && "message" in value) return String(value.message);
  } catch {
    // Below is all that can be said then.
  }
  return "The VM failed.";
}
