/** A change of the settings that disks go by: one at a time, never to a smaller disk, and at once where a VM runs. */
import { errorOf, QnError } from "../../base/errors.ts";
import { isThere, readTextIfThere } from "../../system/files.ts";
import { awaitLock, type Lock, lockFolder } from "../../system/kernel/lock.ts";
import { type Accept, writeSettings } from "../config/change.ts";
import type { ConfigInput } from "../config/schema.ts";
import { bytesOf, type SizedDisk } from "../image/disk.ts";
import type { Layout, VmPaths } from "../layout.ts";
import { connectControl, eventsOf } from "../supervisor/control.ts";
import type { GrownDisk } from "../supervisor/messages.ts";
import { fittingText } from "../vm/fitting-sizes.ts";
import { makeFolder } from "../vm/folder-version.ts";
import { settleUnfinished } from "../vm/unfinished.ts";
import { diskUse, ownDisks, refuseShrinking } from "../vm/own-disks.ts";
import { effectiveConfig, type Environment } from "../vm/settings.ts";
import { vmNames } from "./status.ts";
import { settleIfStopped } from "./while-stopped.ts";

/**
 * The turn of one command at a VM's settings. A command that is killed in it leaves settings and disks that fit: the
 * settings are written first, and a disk that is smaller than they say grows at the next start, or the next change.
 */
export class DiskTurn implements Disposable {
  readonly #paths: VmPaths;
  readonly #env: Environment;
  #lock: Lock | undefined;
  #before = "";

  constructor(paths: VmPaths, env: Environment) {
    this.#paths = paths;
    this.#env = env;
  }

  /**
   * Begins it, unless it has begun, with what killed commands have left in order. Settings may be there before their VM
   * is, and then nobody takes turns. Throws VM_BUSY while another command has its turn, VM_NEWER and DISK_FAILED.
   */
  async begin(): Promise<void> {
    if (this.#lock !== undefined) return;
    await settleUnfinished(this.#paths);
    if (!(await isThere(this.#paths.folder))) return;
    await settleIfStopped(this.#paths);
    this.#lock = lockFolder(this.#paths.folder);
    if (this.#lock === undefined) {
      throw new QnError("VM_BUSY", `The settings of "${this.#paths.name}" are just being changed by another qn.`);
    }
    this.#before = (await readTextIfThere(this.#paths.config)) ?? "";
  }

  /**
   * Begins it with the new text of the VM's file, and makes the VM's folder for it where there is none. Throws
   * DISK_FAILED where that would shrink a disk.
   */
  readonly accept: Accept = async (text) => {
    await this.begin();
    const { config } = await effectiveConfig(this.#paths, this.#env, {}, text);
    await refuseShrinking(this.#paths, config);
    await makeFolder(this.#paths);
  };

  /**
   * What is written counts: a VM that runs has larger disks now. Gives back those that have grown; nothing when they do
   * at the next start. Throws DISK_FAILED or QEMU_FAILED when one cannot, and the settings are as they were, but for
   * those that have grown before it.
   */
  async finish(): Promise<readonly GrownDisk[] | undefined> {
    const { config } = await effectiveConfig(this.#paths, this.#env);
    const larger: SizedDisk[] = [];
    for (const disk of ownDisks(this.#paths, config)) {
      const use = await diskUse(disk.path);
      if (use !== undefined && use.sizeBytes < bytesOf(disk)) larger.push(disk);
    }
    if (larger.length === 0) return [];
    try {
      return await growRunning(this.#paths, larger);
    } catch (error) {
      await writeSettings(this.#paths.config, await fittingText(this.#paths, this.#before).catch(() => this.#before));
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#lock?.release();
    this.#lock = undefined;
  }
}

/**
 * Raises the sizes of disks in a VM's settings to what a start with these variables and flags makes of them: a disk
 * stays as large as it has been once. Throws VM_BUSY, and NOT_PERMITTED for settings that are declared elsewhere.
 */
export async function keepSizes(paths: VmPaths, env: Environment, flags: ConfigInput): Promise<void> {
  const { config } = await effectiveConfig(paths, env, flags);
  const bytes = new Map(ownDisks(paths, config).map((disk) => [disk.name, bytesOf(disk)]));
  const raised = async (): Promise<string | undefined> => {
    const text = (await readTextIfThere(paths.config)) ?? "";
    const fitting = await fittingText(paths, text, async ({ name }) => bytes.get(name));
    return fitting === text ? undefined : fitting;
  };
  if ((await raised()) === undefined) return;
  // Many may start one VM at one moment, and none of them fails for another's turn.
  const lock = await awaitLock(paths.folder, lockFolder);
  try {
    const text = await raised();
    if (text !== undefined) await writeSettings(paths.config, text);
  } finally {
    lock.release();
  }
}

/** Throws DISK_FAILED for a new text of the settings of all VMs by which a disk of one would have to shrink. */
export function acceptForAll(layout: Layout, env: Environment): Accept {
  return async (common) => {
    for (const paths of (await vmNames(layout)).map((name) => layout.vm(name))) {
      // A VM whose own settings are wrong is no reason against others, nor is one whose sizes stay what they are.
      const was = await effectiveConfig(paths, env).catch(() => undefined);
      const is = await effectiveConfig(paths, env, {}, undefined, common).catch(() => undefined);
      if (was === undefined || is === undefined) continue;
      if (!Bun.deepEquals(ownDisks(paths, was.config), ownDisks(paths, is.config)))
        await refuseShrinking(paths, is.config);
    }
  };
}

// --- internal ---

/** Asks the supervisor; nothing when there is none, or it ends, or is of a version that knows no such question. */
async function growRunning(paths: VmPaths, disks: readonly SizedDisk[]): Promise<readonly GrownDisk[] | undefined> {
  const control = await connectControl(paths.controlSocket);
  if (control === undefined) return undefined;
  for await (const answer of eventsOf(control, { ask: "grow", disks: [...disks] })) {
    if (answer.event === "grown") return answer.disks;
    if (answer.event === "refused") throw errorOf(answer.error);
  }
  return undefined;
}
