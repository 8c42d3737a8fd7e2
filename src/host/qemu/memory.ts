/** A guest's memory where it is a file: for those who map it too, and for those who go on from it. */
import type { Words } from "./devices.ts";
import { option } from "./option.ts";

/**
 * Memory that a server of vhost-user can map too: it reads and writes the guest's buffers itself. A file without a
 * name, which QEMU inherits; that it is opened by a path is what lets QEMU leave it out of a saved state
 * (qemu_ram_is_named_file in QEMU's migration/ram.c, since 8.1).
 */
export function sharedMemory(sizeMiB: number): Words {
  return fileMemory(inheritedPath, sizeMiB, true);
}

/** The number of the first descriptor that a QEMU inherits; memory comes before others. */
export const firstInherited = 3;

/** Whether a QEMU with these words has to inherit its memory. */
export function inheritsMemory(argv: Words): boolean {
  return argv.some((word) => word.includes(`,mem-path=${inheritedPath},`));
}

/**
 * Memory that is a file. A template writes to it; where it is not `isShared` the guest has its own copy of each page
 * that it writes to. Neither has a balloon: QEMU would make a hole in the file for each page that it frees
 * (ram_block_discard_range in QEMU's softmmu/physmem.c).
 */
export function fileMemory(path: string, sizeMiB: number, isShared: boolean): Words {
  return option("-object", fileMemoryKind, {
    id: memoryId,
    size: `${sizeMiB}M`,
    "mem-path": path,
    share: isShared,
  });
}

/** What QEMU has to be built with. */
export const fileMemoryKind = "memory-backend-file";

/** The name by which the machine takes `sharedMemory` or `fileMemory`. */
export const memoryId = "memory";

// --- internal ---

const inheritedPath = `/proc/self/fd/${firstInherited}`;
