/** The memory of a guest whose buffers another process maps too: a file without a name, which QEMU inherits. */
import { type FileHandle, open } from "node:fs/promises";
import { QnError } from "../../../base/errors.ts";
import { memoryFile } from "../../../system/kernel/descriptors.ts";
import { firstInherited, inheritsMemory } from "../../qemu/memory.ts";
import type { Qemu } from "./qemu.ts";

/**
 * The descriptors that a QEMU with these words has first, and its starter closes then: new memory of so many MiB, or
 * none. Throws where the system gives none.
 */
export function newGuestMemory(argv: readonly string[], memoryMiB: number): readonly number[] {
  return inheritsMemory(argv) ? [memoryFile(memoryMiB * 1024 ** 2)] : [];
}

/** The same memory of a QEMU that runs, to read (proc(5), /proc/PID/fd). Throws the system's errors. */
export async function openGuestMemory({ pid }: Pick<Qemu, "pid">): Promise<FileHandle> {
  if (pid === undefined) throw new QnError("QEMU_FAILED", "Its number is not known.");
  return await open(`/proc/${pid}/fd/${firstInherited}`, "r");
}
