/** What an ext4 file system says of itself in its superblock (kernel.org, Documentation/filesystems/ext4, globals). */

/** Where the superblock ends: as much of a device has to be read. */
export const superblockEnd = 2_048;

/** Its size, its label, and whether it was ever mounted. */
export type Ext4 = { readonly sizeBytes: number; readonly label: string; readonly isUsed: boolean };

/** Reads the start of a device; nothing when there is no superblock of ext2, 3 or 4. */
export function readExt4(start: Uint8Array): Ext4 | undefined {
  if (start.length < superblockEnd) return undefined;
  const view = new DataView(start.buffer, start.byteOffset + 1_024, 1_024);
  if (view.getUint16(at.magic, true) !== magic) return undefined;
  const has64Bits = (view.getUint32(at.incompatible, true) & incompatible64Bit) !== 0;
  const blocks = view.getUint32(at.blocks, true) + (has64Bits ? view.getUint32(at.blocksHigh, true) * 2 ** 32 : 0);
  const label = Buffer.from(start.subarray(1_024 + at.label, 1_024 + at.label + 16)).toString("latin1");
  return {
    sizeBytes: blocks * 1_024 * 2 ** view.getUint32(at.blockSize, true),
    label: label.replace(/\0.*$/s, ""),
    isUsed: view.getUint32(at.mountTime, true) !== 0 || view.getUint16(at.mounts, true) !== 0,
  };
}

// --- internal ---

const magic = 0xef53;
const incompatible64Bit = 0x80;

const at = {
  blocks: 0x04,
  blockSize: 0x18,
  mountTime: 0x2c,
  mounts: 0x34,
  magic: 0x38,
  incompatible: 0x60,
  label: 0x78,
  blocksHigh: 0x150,
} as const;
