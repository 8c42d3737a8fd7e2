/** What a VM does now, derived from what can be seen: its lock, its supervisor, its QEMU; never from a note on disk. */
import { readdir } from "node:fs/promises";
import { after } from "../../system/clock.ts";
import { isListenedAt } from "../../system/net/connection.ts";
import { isErrno, isThere, readTextIfThere } from "../../system/files.ts";
import { isLocked } from "../../system/kernel/lock.ts";
import { contextOf } from "../integrate/docker/context.ts";
import { isVmName, type Layout, type VmPaths } from "../layout.ts";
import { requireVm } from "../vm/require-vm.ts";
import { effectiveConfig, type Environment } from "../vm/prepare.ts";
import { connectControl, eventsOf } from "../supervisor/control.ts";
import type { Status } from "../supervisor/messages.ts";
import { restingStatus } from "../supervisor/status.ts";

/** How long a supervisor may take to answer; it answers at once unless it hangs. */
const answerMs = 2_000;

/**
 * The status of one VM; a supervisor that does not answer within `patienceMs` makes it "degraded". Throws NO_SUCH_VM
 * when there is none.
 */
export async function statusOfVm(paths: VmPaths, env: Environment, patienceMs = answerMs): Promise<Status> {
  const [status, context] = await Promise.all([seenStatus(paths, env, patienceMs), contextOf(paths, env)]);
  return { ...status, docker: { ...status.docker, context: context?.name ?? null } };
}

/** The VMs of a QN_HOME by name, in order; each has a folder whose name is its own. */
export async function vmNames(layout: Layout): Promise<readonly string[]> {
  try {
    const entries = await readdir(layout.home, { withFileTypes: true });
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

async function seenStatus(paths: VmPaths, env: Environment, patienceMs: number): Promise<Status> {
  await requireVm(paths);
  const control = await connectControl(paths.controlSocket);
  if (control === undefined) return await withoutSupervisor(paths, env);
  let isLate = false;
  const late = after(patienceMs, () => {
    isLate = true;
    control.close();
  });
  try {
    for await (const event of eventsOf(control, { ask: "status" })) if (event.event === "status") return event.status;
  } finally {
    late.cancel();
  }
  // It ended between the question and the answer: what it left behind tells.
  if (!isLate) return await withoutSupervisor(paths, env);
  const { config } = await effectiveConfig(paths, env);
  return { ...restingStatus(paths, config), state: "degraded", reason: "The supervisor does not answer." };
}

async function withoutSupervisor(paths: VmPaths, env: Environment): Promise<Status> {
  const { config } = await effectiveConfig(paths, env);
  const resting = restingStatus(paths, config);
  if (await isListenedAt(paths.qmpSocket)) {
    const reason = "The supervisor has died; QEMU lives on. `qn up` takes it over.";
    return { ...resting, state: "degraded", reason };
  }
  if ((await isThere(paths.lock)) && isLocked(paths.lock)) return { ...resting, state: "starting" };
  const failure = await readTextIfThere(paths.lastFailure);
  return failure === undefined ? resting : { ...resting, state: "failed", reason: messageIn(failure) };
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
