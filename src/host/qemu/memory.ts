/** A guest's memory where it is a file: for those who map it too, and for those who go on from it. */
import type { Words } from "./devices.ts";
import { option } from "./option.ts";
import type { HostPlatform } from "./platforms.ts";

/**
 * Memory that a server of vhost-user can map too, and reads and writes the guest's buffers in. Where it is inherited it
 * is a file without a name; that QEMU opens it by a path is what lets QEMU leave it out of a saved state
 * (qemu_ram_is_named_file in QEMU's migration/ram.c, since 8.1). Where nothing can be opened by a descriptor's path
 * QEMU makes it (shm_open, since 9.1), and it is part of a saved state as memory of QEMU's own is.
 */
export const sharedMemory: Record<HostPlatform["virtiofs"]["memory"], (sizeMiB: number) => Words> = {
  inherited: (sizeMiB) => fileMemory(inheritedPath, sizeMiB, true),
  posix: (sizeMiB) => option("-object", sharedMemoryKinds.posix, { id: memoryId, size: `${sizeMiB}M`, share: true }),
};

/** What QEMU has to be built with for each. */
export const sharedMemoryKinds = { inherited: "memory-backend-file", posix: "memory-backend-shm" } as const;

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
  return option("-object", sharedMemoryKinds.inherited, {
    id: memoryId,
    size: `${sizeMiB}M`,
    "mem-path": path,
    share: isShared,
  });
}

/** The name by which the machine takes shared memory or `fileMemory`. */
export const memoryId = "memory";

// --- internal ---

const inheritedPath = `/proc/self/fd/${firstInherited}`;
