/** Saves a VM that runs, and ends its QEMU: its memory is in a file then, and its disks are as that file needs them. */
import { open, rm } from "node:fs/promises";
import { messageOf, QnError } from "../../../base/errors.ts";
import { readTextIfThere, writeAt } from "../../../system/files.ts";
import { systemDiskOrigin } from "../../image/vm-images.ts";
import type { VmPaths } from "../../layout.ts";
import type { VmSpec } from "../../qemu/args.ts";
import { inheritsMemory } from "../../qemu/memory.ts";
import { goOn, saveTo } from "../../qmp/migrate.ts";
import type { BootRecord } from "../boot/boot.ts";
import { openGuestMemory } from "../boot/guest-memory.ts";
import type { Qemu } from "../boot/qemu.ts";
import { partOf, commitPart } from "./files.ts";
import { cpuIdentity, diskIdentities, toldIdentity } from "./identity.ts";
import { saveMemory } from "./memory.ts";
import { encodeHead, type Head, memoryAt, type MemoryFacts } from "./state.ts";
import { receiveStream } from "./stream.ts";

/** What runs, and what of it the state has to say. */
export type Saved = {
  readonly boot: BootRecord;
  readonly spec: Pick<VmSpec, "systemDisk" | "dataDisk" | "volumes" | "firmwareVars" | "throwaway">;
};

/**
 * Saves the guest. Throws SUSPEND_REFUSED when that is not possible: the guest goes on then, as if nothing had been.
 * `onLast` is called when it stands still for good; what fails after that has ended the VM.
 */
export async function saveVm(paths: VmPaths, qemu: Qemu, saved: Saved, onLast: () => void): Promise<void> {
  const part = partOf(paths);
  const memoryFile = saved.spec.throwaway?.memoryFile;
  const isInherited = inheritsMemory(saved.boot.argv);
  await rm(part, { force: true });
  await rm(paths.suspendSocket, { force: true });
  let facts: Omit<Head, "disks">;
  try {
    await qemu.qmp.execute("stop");
    const stream = await receiveStream(paths.suspendSocket, part, () =>
      saveTo(qemu.qmp, paths.suspendSocket, isInherited || memoryFile !== undefined),
    );
    const memory = isInherited ? await appendMemory(qemu, part, memoryAt({ stream })) : undefined;
    const { qemuPid: _ended, ...boot } = saved.boot;
    facts = {
      format: 1,
      qemu: qemu.qmp.version,
      image: (await readTextIfThere(systemDiskOrigin(paths))) ?? "",
      cpu: await cpuIdentity(),
      told: await toldIdentity(paths.credentialFile),
      boot,
      stream,
      memory,
    };
    // What is too long for its place is found out while the guest can still go on.
    encodeHead({ ...facts, disks: [] });
    await syncFile(part);
  } catch (cause) {
    await rm(part, { force: true });
    await goOn(qemu.qmp);
    const why = cause instanceof QnError ? cause.message : `${part} cannot be written: ${messageOf(cause)}.`;
    throw new QnError("SUSPEND_REFUSED", `The VM cannot be suspended now. ${why}`, { cause });
  } finally {
    await rm(paths.suspendSocket, { force: true });
  }
  onLast();
  // It closes the disks; what they are is looked at afterwards.
  await qemu.kill();
  if (memoryFile !== undefined) await syncFile(memoryFile);
  const head = encodeHead({ ...facts, disks: await diskIdentities(saved.spec) });
  {
    await using file = await open(part, "r+");
    await writeAt(file, head, 0);
    await file.sync();
  }
  await commitPart(paths);
}

// --- internal ---

async function appendMemory(qemu: Qemu, part: string, at: number): Promise<MemoryFacts> {
  await using memory = await openGuestMemory(qemu);
  await using file = await open(part, "r+");
  return await saveMemory(memory, file, at);
}

async function syncFile(path: string): Promise<void> {
  await using file = await open(path, "r+");
  await file.sync();
}
