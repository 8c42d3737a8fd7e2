/** What a bare QEMU needs of a VM besides its command line: the supervisor has it on the disk only while the VM is up. */
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import type { Vm } from "../support/vm.ts";

const names = ["boot.credential", "ssh-key.credential"] as const;

/** Copies it from a VM that is up, and gives what puts it back. */
export async function keptCredentials(vm: Pick<Vm, "folder" | "inTmp">): Promise<() => Promise<void>> {
  for (const name of names) await copyFile(join(vm.folder, name), join(vm.inTmp, name));
  return async () => {
    for (const name of names) await copyFile(join(vm.inTmp, name), join(vm.folder, name));
  };
}
