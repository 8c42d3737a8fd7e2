/** How a supervisor suspends its VM: the guest lets go of the host, and is saved; or it goes on. */
import { messageOf, QnError, reportOf } from "../../../base/errors.ts";
import { dismissMasters } from "../../integrate/ssh-master.ts";
import type { VmPaths } from "../../layout.ts";
import type { VmSpec } from "../../qemu/args.ts";
import type { BootRecord } from "../boot/boot.ts";
import type { Qemu } from "../boot/qemu.ts";
import type { Teller } from "../options.ts";
import type { Seam } from "../seam/seam.ts";
import { saveVm } from "./save.ts";

/** A VM that runs. */
export type Running = {
  readonly seam: Pick<Seam, "sleep">;
  readonly qemu: Qemu;
  readonly boot: BootRecord;
  readonly spec: VmSpec;
};

/** The suspension of one supervisor's VM. */
export class Suspension {
  /** How the last one went; nothing went wrong before there was one. */
  done: Promise<void> = Promise.resolve();
  /** Containers that the guest has stopped for it. */
  containers: readonly string[] = [];
  /** Whether QEMU ends because its guest is in a file. */
  isSaved = false;
  readonly #paths: VmPaths;
  readonly #tell: Pick<Teller, "dispatch" | "log">;

  constructor(paths: VmPaths, tell: Pick<Teller, "dispatch" | "log">) {
    this.#paths = paths;
    this.#tell = tell;
  }

  begin(running: Running): void {
    this.done = this.#suspend(running);
    // Whoever has asked for it hears how it went; nobody may have stayed.
    this.done.catch((error: unknown) => this.#tell.log(messageOf(error)));
  }

  async #suspend({ seam, qemu, boot, spec }: Running): Promise<void> {
    const { dispatch } = this.#tell;
    try {
      // Before anybody in the guest is stopped for it.
      if (spec.shares.some(({ socket }) => socket !== undefined)) throw servedByVirtiofs();
      await dismissMasters(this.#paths);
      this.containers = await seam.sleep.ask();
      await saveVm(this.#paths, qemu, { boot, spec }, () => (this.isSaved = true));
      dispatch({ type: "suspended" });
    } catch (error) {
      dispatch(this.isSaved ? { type: "failure", error: reportOf(error) } : { type: "suspend-failed" });
      throw error;
    }
  }
}

// --- internal ---

/** QEMU 7.2 saves no such device, and later ones only with a daemon that helps (docs/decisions.md#d222). */
function servedByVirtiofs(): QnError {
  return new QnError("SUSPEND_REFUSED", "The VM cannot be suspended: its mounts are served by virtiofs.", {
    hint: "The VM runs on. `qn config set files.driver=9p` and `qn restart` let it be suspended from then on.",
  });
}
