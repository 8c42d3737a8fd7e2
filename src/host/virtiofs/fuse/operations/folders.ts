/** Requests about what is in folders. Each gives the length of its answer, or an error's number below zero. */
import { O_DIRECTORY, readFolder, reopenFd, seekFd } from "../../../../system/kernel/file-calls.ts";
import { statx } from "../../../../system/kernel/statx.ts";
import { fileType } from "../../node/stat.ts";
import type { ServedShare } from "../served-share.ts";
import { entryBytes, errors, replyHeader } from "../wire.ts";
import { opened } from "./data.ts";

/** struct fuse_dirent before its name: inode, offset, length, type. */
const direntBytes = 24;
/** struct linux_dirent64: inode, offset, length of the record, type, name. */
const kernelType = 18;
const kernelName = 19;
const answerMax = 64 * 1024;
const DOT = 46;

/** Opens a folder. */
export function opendir(share: ServedShare): number {
  const slot = share.node;
  if (slot === 0) return errors.ESTALE;
  if (share.nodes.typeOf(slot) !== fileType.folder) return errors.ENOTDIR;
  if (!share.handles.hasRoom) return errors.ENFILE;
  const path = share.descriptors.of(slot);
  const fd = path < 0 ? path : reopenFd(path, O_DIRECTORY);
  return fd < 0 ? fd : opened(share, slot, fd, O_DIRECTORY);
}

/** The names in a folder. */
export function readdir(share: ServedShare): number {
  return list(share, false);
}

/** The same, each looked up on the way. */
export function readdirplus(share: ServedShare): number {
  return list(share, true);
}

// --- internal ---

function list(share: ServedShare, isPlus: boolean): number {
  const { call, scratch } = share;
  const handle = call.u32(0);
  const fd = share.handleFd(handle);
  const slot = share.handles.nodeOf(handle);
  if (fd < 0) return fd;
  if (share.nodes.typeOf(slot) !== fileType.folder) return errors.ENOTDIR;
  const room = Math.min(call.u32(16), answerMax, share.writable.total - replyHeader);
  const moved = seekTo(share, handle, fd, call.u32(8), call.u32(12));
  if (moved < 0) return moved;
  // As many as may fit: what was read and does not fit is read again.
  const got = readFolder(fd, scratch.address, Math.max(512, Math.floor(isPlus ? room / 5 : (room * 3) / 4)));
  if (got < 0) return got;
  let used = 0;
  let last = [call.u32(8), call.u32(12)] as const;
  let at = 0;
  for (; at < got; at += scratch.view.getUint16(at + 16, true)) {
    const length = scratch.bytes.indexOf(0, at + kernelName) - (at + kernelName);
    const size = (isPlus ? entryBytes : 0) + Math.ceil((direntBytes + length) / 8) * 8;
    if (used + size > room) break;
    const type = isPlus
      ? enterEntry(share, slot, fd, at, length, replyHeader + used)
      : share.owners.typeAt(fd, scratch.address + at + kernelName, length, scratch.bytes[at + kernelType] ?? 0);
    writeEntryName(share, at, length, type, replyHeader + used + (isPlus ? entryBytes : 0));
    used += size;
    last = [scratch.view.getUint32(at + 8, true), scratch.view.getUint32(at + 12, true)];
  }
  // What was read and left out lies behind the descriptor's position now: no offset is known for it.
  share.handles.setPosition(handle, at < got ? nowhere : last);
  return used;
}

const nowhere = [0xffffffff, 0xffffffff] as const;

function seekTo(share: ServedShare, handle: number, fd: number, low: number, high: number): number {
  const [knownLow, knownHigh] = share.handles.positionOf(handle);
  if (knownLow === low && knownHigh === high) return 0;
  const status = seekFd(fd, (BigInt(high) << 32n) | BigInt(low), 0);
  return status < 0 && status > -4096 ? status : 0;
}

/**
 * Looks up one entry of the listing, and gives its type; one that has gone meanwhile, and those of the folder itself,
 * are no nodes.
 */
function enterEntry(share: ServedShare, folder: number, fd: number, at: number, length: number, to: number): number {
  const { scratch, reply } = share;
  const name = at + kernelName;
  const isItself = scratch.bytes[name] === DOT && (length === 1 || (length === 2 && scratch.bytes[name + 1] === DOT));
  if (!isItself && share.enter(folder, fd, scratch, name, length, to) > 0)
    return share.stat.view.getUint16(statx.mode, true) >>> 12;
  reply.bytes.fill(0, to, to + entryBytes);
  return scratch.bytes[at + kernelType] ?? 0;
}

function writeEntryName(share: ServedShare, at: number, length: number, type: number, to: number): void {
  const { scratch, reply } = share;
  for (let word = 0; word < 4; word += 1)
    reply.view.setUint32(to + 4 * word, scratch.view.getUint32(at + 4 * word, true), true);
  reply.view.setUint32(to + 16, length, true);
  reply.view.setUint32(to + 20, type, true);
  for (let index = 0; index < length; index += 1)
    reply.bytes[to + direntBytes + index] = scratch.bytes[at + kernelName + index] ?? 0;
  reply.bytes.fill(0, to + direntBytes + length, to + Math.ceil((direntBytes + length) / 8) * 8);
}
