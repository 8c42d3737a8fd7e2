/**
 * What macOS tells of files and folders, and the same as Linux would (XNU's bsd/sys/stat.h, dirent.h and mount.h, with
 * inode numbers of 64 bits). Pure.
 */
import { statx } from "../statx.ts";

/** struct stat: where its members lie, and its length. */
const stat = {
  device: 0,
  mode: 4,
  links: 6,
  inode: 8,
  uid: 16,
  gid: 20,
  rdev: 24,
  accessed: 32,
  modified: 48,
  changed: 64,
  born: 80,
  size: 96,
  blocks: 104,
  blockSize: 112,
} as const;
export const statBytes = 144;

/** Which file it is, to be compared with another: device, inode, type and time of birth, as nodes have it. */
export function fileIn(from: DataView): string {
  const born = [from.getBigInt64(stat.born, true), from.getUint32(stat.born + 8, true)];
  return [from.getInt32(stat.device, true), from.getBigUint64(stat.inode, true), typeIn(from), ...born].join(":");
}

/** The upper four bits of its mode. */
export const typeIn = (from: DataView): number => from.getUint16(stat.mode, true) >>> 12;

/** How long it is. */
export const sizeIn = (from: DataView): number => Number(from.getBigInt64(stat.size, true));

/** Writes struct statx. Numbers of devices have 8 bits and 24 there. */
export function writeStatx(to: DataView, from: DataView): void {
  to.setUint32(statx.blockSize, from.getUint32(stat.blockSize, true), true);
  to.setUint32(statx.links, from.getUint16(stat.links, true), true);
  to.setUint32(statx.uid, from.getUint32(stat.uid, true), true);
  to.setUint32(statx.gid, from.getUint32(stat.gid, true), true);
  to.setUint16(statx.mode, from.getUint16(stat.mode, true), true);
  for (const member of ["inode", "size", "blocks"] as const) {
    to.setUint32(statx[member], from.getUint32(stat[member], true), true);
    to.setUint32(statx[member] + 4, from.getUint32(stat[member] + 4, true), true);
  }
  for (const time of ["accessed", "born", "changed", "modified"] as const)
    for (const at of [0, 4, 8]) to.setUint32(statx[time] + at, from.getUint32(stat[time] + at, true), true);
  const rdev = from.getUint32(stat.rdev, true);
  to.setUint32(statx.rdevMajor, rdev >>> 24, true);
  to.setUint32(statx.rdevMinor, rdev & 0xffffff, true);
  // Only to tell file systems apart: all of its 32 bits are kept.
  const device = from.getUint32(stat.device, true);
  to.setUint32(statx.deviceMajor, device >>> 20, true);
  to.setUint32(statx.deviceMinor, device & 0xfffff, true);
}

/** struct statfs: blocks of so many bytes, then five counters. */
export const statfsBytes = 2168;
const statfs = { blockSize: 0, counters: 8 } as const;
/** The same of Linux, 120 bytes, with the longest name and the size of a fragment behind. */
const linuxStatfs = { blockSize: 8, counters: 16, nameMax: 64, fragment: 72 } as const;
export const linuxStatfsBytes = 120;

/** Writes Linux' struct statfs: blocks, free, available, files and free files are in the same order. */
export function writeStatfs(to: DataView, from: DataView): void {
  const blockSize = from.getUint32(statfs.blockSize, true);
  to.setUint32(linuxStatfs.blockSize, blockSize, true);
  for (let at = 0; at < 5 * 8; at += 4)
    to.setUint32(linuxStatfs.counters + at, from.getUint32(statfs.counters + at, true), true);
  to.setUint32(linuxStatfs.nameMax, nameMax, true);
  to.setUint32(linuxStatfs.fragment, blockSize, true);
}

/** struct dirent: inode, a position that may be 0, the record's length, the name's, type, name. */
const entry = { inode: 0, length: 16, nameLength: 18, type: 20, name: 21 } as const;
/** struct linux_dirent64: inode, the position behind it, the record's length, type, name. */
const linuxEntry = { inode: 0, position: 8, length: 16, type: 18, name: 19 } as const;
/** NAME_MAX of Linux; macOS counts characters. */
const nameMax = 255;

/** Entries of a folder as Linux' records, one behind the other; so many have come `before` them. */
export type Entries = { readonly bytes: Uint8Array; readonly before: number; readonly count: number };

/**
 * The entries of a folder in `length` bytes of macOS' as Linux has them. Positions are counted, since macOS gives none
 * that lasts. A name that is longer than any of Linux is left out.
 */
export function linuxEntries(from: DataView, length: number, before: number): Entries {
  // A record of Linux is at most 5 bytes longer, and one of macOS' has 24 at least.
  const to = new DataView(new ArrayBuffer(length + Math.ceil(length / 24) * 5));
  const bytes = new Uint8Array(to.buffer);
  let used = 0;
  let count = 0;
  for (let at = 0; at + entry.name < length; at += from.getUint16(at + entry.length, true)) {
    if (from.getUint16(at + entry.length, true) === 0) break;
    const size = from.getUint16(at + entry.nameLength, true);
    if (from.getBigUint64(at + entry.inode, true) === 0n || size === 0 || size > nameMax) continue;
    const record = Math.ceil((linuxEntry.name + size + 1) / 8) * 8;
    count += 1;
    to.setBigUint64(used + linuxEntry.inode, from.getBigUint64(at + entry.inode, true), true);
    to.setUint32(used + linuxEntry.position, before + count, true);
    to.setUint16(used + linuxEntry.length, record, true);
    to.setUint8(used + linuxEntry.type, from.getUint8(at + entry.type));
    bytes.set(new Uint8Array(from.buffer, from.byteOffset + at + entry.name, size), used + linuxEntry.name);
    used += record;
  }
  return { bytes: bytes.slice(0, used), before, count };
}

/** The length of the record that begins at `at`. */
export function entryLength({ bytes }: Entries, at: number): number {
  return (bytes[at + linuxEntry.length] ?? 0) | ((bytes[at + linuxEntry.length + 1] ?? 0) << 8);
}
