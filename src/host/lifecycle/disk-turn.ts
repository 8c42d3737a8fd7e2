/** A change of the settings that disks go by: one at a time, never to a smaller disk, and at once where a VM runs. */
import { errorOf, QnError } from "../../base/errors.ts";
import { readTextIfThere } from "../../system/files.ts";
import { type Lock, lockFolder } from "../../system/kernel/lock.ts";
import { type Accept, writeSettings } from "../config/change.ts";
import { bytesOf, type SizedDisk } from "../image/disk.ts";
import type { VmPaths } from "../layout.ts";
import { connectControl, eventsOf } from "../supervisor/control.ts";
import type { GrownDisk } from "../supervisor/messages.ts";
import { diskUse, ownDisks, refuseShrinking } from "../vm/own-disks.ts";
import { effectiveConfig, type Environment } from "../vm/settings.ts";
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
   * Begins it, unless it has begun, with what killed commands have left in order. Throws VM_BUSY while another command
   * has its turn, VM_NEWER and DISK_FAILED.
   */
  async begin(): Promise<void> {
    if (this.#lock !== undefined) return;
    await settleIfStopped(this.#paths);
    this.#lock = lockFolder(this.#paths.folder);
    if (this.#lock === undefined) {
      throw new QnError("VM_BUSY", `The settings of "${this.#paths.name}" are just being changed by another qn.`);
    }
    this.#before = (await readTextIfThere(this.#paths.config)) ?? "";
  }

  /** Begins it with the new text of the VM's file. Throws DISK_FAILED where that would shrink a disk. */
  readonly accept: Accept = async (text) => {
    await this.begin();
    const { config } = await effectiveConfig(this.#paths, this.#env, {}, text);
    await refuseShrinking(this.#paths, config);
  };

  /**
   * What is written counts: a VM that runs has larger disks now. Gives back those that have grown; nothing when they do
   * at the next start. Throws DISK_FAILED or QEMU_FAILED when they cannot, and the settings are as they were.
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
      await writeSettings(this.#paths.config, this.#before);
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#lock?.release();
    this.#lock = undefined;
  }
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
