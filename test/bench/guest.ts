/** What the benchmarks of Docker's calls need of a VM: an emulated one, or one that runs natively. */
import { join } from "node:path";
import type { Vm } from "../support/vm.ts";

/** A VM whose Docker answers at `socket`, with the image busybox. */
export type Guest = {
  readonly socket: string;
  /** Folders that the guest sees: below the user's home folder, and below /tmp. */
  readonly inHome: string;
  readonly inTmp: string;
  /** Runs a command of Docker's here, or any as root in the guest, and gives back what it prints. */
  docker(...words: readonly string[]): Promise<string>;
  asRoot(...words: readonly string[]): Promise<string>;
};

/** A VM in QEMU. */
export function guestOf(vm: Vm): Guest {
  return {
    socket: join(vm.folder, "docker.sock"),
    inHome: vm.inHome,
    inTmp: vm.inTmp,
    docker: (...words) => vm.docker(...words),
    asRoot: (...words) => vm.qn("ssh", "--", "sudo", ...words),
  };
}
