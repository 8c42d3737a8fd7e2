/** Takes a VM down: cleanly, then by force; fine when it is down already. */
import { rm } from "node:fs/promises";
import { QnError } from "../../base/errors.ts";
import { pause, within } from "../../system/clock.ts";
import { acquireLock, type Lock } from "../../system/kernel/lock.ts";
import { withdrawContext } from "../integrate/docker/context.ts";
import type { VmPaths } from "../layout.ts";
import { requireVm } from "../vm/require-vm.ts";
import type { Environment } from "../vm/settings.ts";
import { powerDown } from "../qmp/commands.ts";
import { readBootRecord, removeBootFiles } from "../supervisor/boot/boot.ts";
import { connectControl, type Control, eventsOf } from "../supervisor/control.ts";
import { stopGraceMs } from "../supervisor/states.ts";
import { adoptQemu, type Qemu } from "../supervisor/boot/qemu.ts";

/** How it went: the guest shut down by itself, had to be ended, or was down already. */
export type DownResult = "stopped" | "forced" | "already-stopped";

/** How long a supervisor may take to let go of the VM after its last word. */
const releaseMs = 10_000;

/** How to take it down. `env` says where the docker command has its files; it is this process's own unless given. */
export type DownOptions = { readonly force: boolean; readonly env?: Environment };

/** Takes the VM down. Throws NO_SUCH_VM when there is none, VM_BUSY when another command holds it without answering. */
export async function takeDown(paths: VmPaths, options: DownOptions): Promise<DownResult> {
  await requireVm(paths);
  const control = await connectControl(paths.controlSocket);
  const result = control === undefined ? undefined : await stopThrough(control, options.force);
  const lock = await lockSoon(paths);
  try {
    const orphan = await adoptQemu(paths, (await readBootRecord(paths))?.qemuPid);
    await rm(paths.lastFailure, { force: true });
    const orphanResult = orphan === undefined ? undefined : await stopOrphan(orphan, options.force);
    // A supervisor that was killed has left them.
    await removeBootFiles(paths);
    await withdrawContext(paths, options.env ?? process.env, () => {});
    return orphanResult ?? result ?? "already-stopped";
  } finally {
    lock.release();
  }
}

// --- internal ---

async function stopThrough(control: Control, force: boolean): Promise<DownResult> {
  let result: DownResult = "stopped";
  // The supervisor's end is what was asked for.
  for await (const event of eventsOf(control, { ask: "stop", force })) {
    if (event.event === "stopped") result = event.forced ? "forced" : "stopped";
    if (event.event === "failed") result = "forced";
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
