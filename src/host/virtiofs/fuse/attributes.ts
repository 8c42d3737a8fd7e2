/** From struct statx to what FUSE says of a file; pure. */
import { statx } from "../../../system/kernel/statx.ts";
import { deviceIn } from "../node/stat.ts";

/** How long the guest may believe a name and what it knows of a file. */
export type Lifetime = { readonly seconds: number; readonly nanoseconds: number };

/** A time to live in milliseconds, as FUSE says it. */
export function lifetimeOf(ms: number): Lifetime {
  return { seconds: Math.floor(ms / 1000), nanoseconds: Math.round((ms % 1000) * 1e6) };
}

/** Which of the file systems below the share it is; 0 for the share's own. */
export type DeviceIndex = (device: number) => number;

/** Writes struct fuse_attr, 88 bytes, at `at`. */
function writeAttributes(to: DataView, at: number, stat: DataView, indexOf: DeviceIndex): void {
  to.setUint32(at, stat.getUint32(statx.inode, true), true);
  // Two file systems below one share may have files of one number: the upper bits, which none uses, keep them apart.
  const high = stat.getUint32(statx.inode + 4, true) ^ (indexOf(deviceIn(stat)) << 24);
  to.setUint32(at + 4, high >>> 0, true);
  copy64(to, at + 8, stat, statx.size);
  copy64(to, at + 16, stat, statx.blocks);
  copy64(to, at + 24, stat, statx.accessed);
  copy64(to, at + 32, stat, statx.modified);
  copy64(to, at + 40, stat, statx.changed);
  to.setUint32(at + 48, stat.getUint32(statx.accessed + 8, true), true);
  to.setUint32(at + 52, stat.getUint32(statx.modified + 8, true), true);
  to.setUint32(at + 56, stat.getUint32(statx.changed + 8, true), true);
  to.setUint32(at + 60, stat.getUint16(statx.mode, true), true);
  to.setUint32(at + 64, stat.getUint32(statx.links, true), true);
  to.setUint32(at + 68, stat.getUint32(statx.uid, true), true);
  to.setUint32(at + 72, stat.getUint32(statx.gid, true), true);
  const major = stat.getUint32(statx.rdevMajor, true);
  const minor = stat.getUint32(statx.rdevMinor, true);
  to.setUint32(at + 76, ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0, true);
  to.setUint32(at + 80, stat.getUint32(statx.blockSize, true), true);
  to.setUint32(at + 84, 0, true);
}

/** Writes struct fuse_attr_out, 104 bytes, at `at`. */
export function writeAttributesReply(
  to: DataView,
  at: number,
  stat: DataView,
  indexOf: DeviceIndex,
  lifetime: Lifetime,
): void {
  set64(to, at, lifetime.seconds);
  to.setUint32(at + 8, lifetime.nanoseconds, true);
  to.setUint32(at + 12, 0, true);
  writeAttributes(to, at + 16, stat, indexOf);
}

/** A node's number in FUSE, and what the guest may believe of it for how long. */
export type Entry = {
  readonly slot: number;
  readonly generation: number;
  readonly names: Lifetime;
  readonly attributes: Lifetime;
};

/** Writes struct fuse_entry_out, 128 bytes, at `at`. */
export function writeEntry(to: DataView, at: number, stat: DataView, indexOf: DeviceIndex, entry: Entry): void {
  to.setUint32(at, entry.slot, true);
  to.setUint32(at + 4, entry.generation, true);
  set64(to, at + 8, 0);
  set64(to, at + 16, entry.names.seconds);
  set64(to, at + 24, entry.attributes.seconds);
  to.setUint32(at + 32, entry.names.nanoseconds, true);
  to.setUint32(at + 36, entry.attributes.nanoseconds, true);
  writeAttributes(to, at + 40, stat, indexOf);
}

/** Writes a number below 2^53 as 64 bits. */
export function set64(to: DataView, at: number, value: number): void {
  to.setUint32(at, value % 2 ** 32, true);
  to.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

// --- internal ---

function copy64(to: DataView, at: number, from: DataView, fromAt: number): void {
  to.setUint32(at, from.getUint32(fromAt, true), true);
  to.setUint32(at + 4, from.getUint32(fromAt + 4, true), true);
}
