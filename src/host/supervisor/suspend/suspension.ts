/** How a supervisor suspends its VM: the guest lets go of the host, and is saved; or it goes on. */
import { messageOf, reportOf } from "../../../base/errors.ts";
import { dismissMasters } from "../../integrate/ssh-master.ts";
import type { VmPaths } from "../../layout.ts";
import type { VmSpec } from "../../qemu/args.ts";
import type { BootRecord } from "../boot/boot.ts";
import { type Plug, unplugServed } from "../boot/plugs.ts";
import type { Qemu } from "../boot/qemu.ts";
import type { Teller } from "../options.ts";
import { refused } from "../seam/guest-sleep.ts";
import type { Seam } from "../seam/seam.ts";
import { saveVm } from "./save.ts";

/** A VM that runs. */
export type Running = {
  readonly seam: Pick<Seam, "sleep" | "use" | "calm" | "forwards" | "pause" | "goOn">;
  readonly qemu: Qemu;
  readonly boot: BootRecord;
  readonly spec: VmSpec;
  readonly plug: Plug;
};

/** The suspension of one supervisor's VM. */
export class Suspension {
  /** How the last one went; nothing went wrong before there was one. */
  done: Promise<void> = Promise.resolve();
  /** Containers that the guest has stopped for it. */
  containers: readonly string[] = [];
  isUnderWay = false;
  #saved: Qemu | undefined;
  /** Whether only a guest in which nothing is in use is to be suspended. */
  #ifUnused = false;
  #calledOff = new AbortController();
  readonly #paths: VmPaths;
  readonly #tell: Pick<Teller, "dispatch" | "log">;

  constructor(paths: VmPaths, tell: Pick<Teller, "dispatch" | "log">) {
    this.#paths = paths;
    this.#tell = tell;
  }

  /** Whether this QEMU ends because its guest is in a file. */
  hasSaved(qemu: Qemu): boolean {
    return this.#saved === qemu;
  }

  /** `ifUnused`: not while something in the guest is in use. */
  begin(running: Running, ifUnused: boolean): void {
    this.#calledOff = new AbortController();
    this.isUnderWay = true;
    this.#ifUnused = ifUnused;
    this.done = this.#suspend(running, this.#calledOff.signal);
    // Whoever has asked for it hears how it went; nobody may have stayed.
    this.done.catch((error: unknown) => this.#tell.log(messageOf(error)));
  }

  /** Somebody wants it now, whatever is in use. */
  insist(): void {
    this.#ifUnused = false;
  }

  /** Nobody waits for what the guest answers, whether it has been asked by now or not; what is being saved is saved. */
  callOff(): void {
    this.#calledOff.abort(refused("It is to be shut down."));
  }

  async #suspend({ seam, qemu, boot, spec, plug }: Running, calledOff: AbortSignal): Promise<void> {
    const { dispatch } = this.#tell;
    try {
      await dismissMasters(this.#paths);
      const isServed = boot.served !== undefined && boot.served.length > 0;
      this.containers = await this.#letGo(seam, isServed ? ["sleep", "plug"] : ["sleep"], calledOff);
      await unplugServed(qemu, boot, calledOff);
      calledOff.throwIfAborted();
      await saveVm(this.#paths, qemu, { boot, spec }, () => (this.#saved = qemu));
      dispatch({ type: "suspended" });
    } catch (error) {
      // Before the guest is linked to again, and looks for them.
      if (!this.hasSaved(qemu)) await plug(qemu, boot);
      // Of a QEMU that has ended for it nobody else tells, whatever the VM is to become by now.
      dispatch(this.hasSaved(qemu) ? { type: "qemu-exited", error: reportOf(error) } : { type: "suspend-failed" });
      throw error;
    } finally {
      this.isUnderWay = false;
    }
  }

  /** Whoever comes after the guest was asked whether it is in use has it asked again if it is. */
  async #letGo(
    { sleep }: Running["seam"],
    capabilities: readonly string[],
    calledOff: AbortSignal,
  ): Promise<readonly string[]> {
    const ifUnused = this.#ifUnused;
    try {
      return await sleep.ask(ifUnused, capabilities, calledOff);
    } catch (error) {
      if (this.#ifUnused === ifUnused || calledOff.aborted) throw error;
      return await sleep.ask(false, capabilities, calledOff);
    }
  }
}
