/** Takes a VM down: cleanly, then by force; fine when it is down already. */
import { rm } from "node:fs/promises";
import { errorOf, QnError } from "../../base/errors.ts";
import { pause, within } from "../../system/clock.ts";
import { acquireLock, type Lock } from "../../system/kernel/lock.ts";
import { withdrawContext } from "../integrate/docker/context.ts";
import type { VmPaths } from "../layout.ts";
import { requireVm } from "../vm/require-vm.ts";
import type { Environment } from "../vm/settings.ts";
import { powerDown } from "../qmp/commands.ts";
import { readBootRecord, removeBootFiles } from "../supervisor/boot/boot.ts";
import { connectControl, type Control, eventsOf } from "../supervisor/control.ts";
import { giveUp, isSuspended } from "../supervisor/suspend/files.ts";
import { settleInterrupted } from "../supervisor/suspend/interrupted.ts";
import { stopGraceMs } from "../supervisor/states.ts";
import { adoptQemu, type Qemu } from "../supervisor/boot/qemu.ts";

/**
 * How it went: the guest shut down by itself, had to be ended, is suspended, was suspended and its memory is given up,
 * or was down already.
 */
export type DownResult = "stopped" | "forced" | "suspended" | "given-up" | "already-stopped";

/** How long a supervisor may take to let go of the VM after its last word. */
const releaseMs = 10_000;

/** How to take it down. */
export type DownOptions = {
  readonly force: boolean;
  /** Where the docker command has its files; this process's own environment unless given. */
  readonly env?: Environment;
  /** Suspends a VM that runs; called with the containers that had to be stopped for it. */
  readonly suspend?: ((containers: readonly string[]) => void) | undefined;
  /** Leaves a VM that is suspended as it is; otherwise its memory is given up. */
  readonly keepSuspended?: boolean;
};

/**
 * Takes the VM down. Throws NO_SUCH_VM when there is none, VM_BUSY when another command holds it without answering, and
 * SUSPEND_REFUSED when it was to be suspended and runs on.
 */
export async function takeDown(paths: VmPaths, options: DownOptions): Promise<DownResult> {
  await requireVm(paths);
  const control = await connectControl(paths.controlSocket);
  const result = control === undefined ? undefined : await stopThrough(control, options);
  const lock = await lockSoon(paths);
  try {
    const found = await adoptQemu(paths, (await readBootRecord(paths))?.qemuPid);
    const orphan = found === undefined ? undefined : await settleInterrupted(paths, found);
    if (orphan !== undefined && options.suspend !== undefined) {
      await orphan.leave();
      throw new QnError("SUSPEND_REFUSED", `The supervisor of "${paths.name}" has died.`, {
        hint: "`qn up` takes the VM over; then it can be suspended.",
      });
    }
    await rm(paths.lastFailure, { force: true });
    const orphanResult = orphan === undefined ? undefined : await stopOrphan(orphan, options.force);
    // A supervisor that was killed has left them.
    await removeBootFiles(paths);
    await withdrawContext(paths, options.env ?? process.env, () => {});
    if (await isSuspended(paths)) {
      if (options.suspend !== undefined || options.keepSuspended === true) return "suspended";
      await giveUp(paths);
      return "given-up";
    }
    return orphanResult ?? result ?? "already-stopped";
  } finally {
    lock.release();
  }
}

// --- internal ---

async function stopThrough(control: Control, { force, suspend }: DownOptions): Promise<DownResult> {
  let result: DownResult = "stopped";
  // The supervisor's end is what was asked for.
  for await (const event of eventsOf(control, suspend === undefined ? { ask: "stop", force } : { ask: "suspend" })) {
    if (event.event === "refused") throw errorOf(event.error);
    if (event.event === "stopped") result = event.forced ? "forced" : "stopped";
    if (event.event === "failed") result = "forced";
    if (event.event !== "stopped" || event.suspended === undefined) continue;
    result = "suspended";
    suspend?.(event.suspended.containers);
  }
  return result;
}

/** A QEMU whose supervisor has died is asked, then ended, by whoever holds the lock. */
async function stopOrphan(qemu: Qemu, force: boolean): Promise<DownResult> {
  if (!force) {
    try {
      await powerDown(qemu.qmp);
      await within(qemu.exited, stopGraceMs, () => new QnError("QEMU_FAILED", "The guest does not shut down."));
      return "stopped";
    } catch {
      // It had its chance.
    }
  }
  await qemu.kill();
  return "forced";
}

async function lockSoon(paths: VmPaths): Promise<Lock> {
  const pauseMs = 50;
  for (let waitedMs = 0; waitedMs < releaseMs; waitedMs += pauseMs) {
    const lock = acquireLock(paths.lock);
    if (lock !== undefined) return lock;
    await pause(pauseMs);
  }
  throw new QnError("VM_BUSY", `The VM "${paths.name}" is held by another qn that does not answer.`);
}
