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
  readonly seam: Pick<Seam, "sleep" | "use" | "forwards">;
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
  #saved: Qemu | undefined;
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
    this.done = this.#suspend(running, ifUnused);
    // Whoever has asked for it hears how it went; nobody may have stayed.
    this.done.catch((error: unknown) => this.#tell.log(messageOf(error)));
  }

  async #suspend({ seam, qemu, boot, spec }: Running, ifUnused: boolean): Promise<void> {
    const { dispatch } = this.#tell;
    try {
      // Before anybody in the guest is stopped for it.
      const refusal = refusalOf(spec);
      if (refusal !== undefined) throw refusal;
      await dismissMasters(this.#paths);
      this.containers = await seam.sleep.ask(ifUnused);
      await saveVm(this.#paths, qemu, { boot, spec }, () => (this.#saved = qemu));
      dispatch({ type: "suspended" });
    } catch (error) {
      dispatch(this.hasSaved(qemu) ? { type: "failure", error: reportOf(error) } : { type: "suspend-failed" });
      throw error;
    }
  }
}

/**
 * Why this VM cannot be suspended at all; nothing where it can. QEMU 7.2 saves no device of virtiofs, and later ones
 * only with a daemon that helps (docs/decisions.md#d222).
 */
export function refusalOf({ shares }: Pick<VmSpec, "shares">): QnError | undefined {
  if (shares.every(({ socket }) => socket === undefined)) return undefined;
  return new QnError("SUSPEND_REFUSED", "The VM cannot be suspended: its mounts are served by virtiofs.", {
    hint: "The VM runs on. `qn config set files.driver=9p` and `qn restart` let it be suspended from then on.",
  });
}
