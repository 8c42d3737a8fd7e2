/** Requests about what is in open files. Each gives the length of its answer, or an error's number below zero. */
import {
  allocateFd,
  closeFd,
  copyRange,
  O_ACCMODE,
  O_APPEND,
  O_NOATIME,
  O_SYNC,
  O_TRUNC,
  readVectors,
  reopenFd,
  seekFd,
  syncFd,
  truncateFd,
  writeVectors,
} from "../../../../system/kernel/file-calls.ts";
import { statx } from "../../../../system/kernel/statx.ts";
import { fileType } from "../../node/stat.ts";
import { set64 } from "../attributes.ts";
import type { ServedShare } from "../served-share.ts";
import { syncKind } from "../slow-syncs.ts";
import { dataMax, errors, openBytes, replyHeader, requestHeader } from "../wire.ts";

const FUSE_WRITE_CACHE = 1;
const FUSE_WRITE_KILL_SUIDGID = 4;
const FUSE_OPEN_KILL_SUIDGID = 1;
/** FOPEN_KEEP_CACHE and FOPEN_CACHE_DIR. */
const KEEP_CACHE = 2;
/** Above it no file has a byte. */
const offsetMax = 2 ** 53 - 1;
const FALLOC_KNOWN = 0x7f;

/** The arguments of a write, behind the request's head. */
const writeArguments = 40;

/** Opens a file that the guest knows. */
export function open(share: ServedShare): number {
  const slot = share.node;
  if (slot === 0) return errors.ESTALE;
  const wanted = share.call.u32(0);
  const fd = openedNode(share, slot, wanted);
  if (fd < 0) return fd;
  if ((share.call.u32(4) & FUSE_OPEN_KILL_SUIDGID) !== 0) dropSetId(share, fd);
  return opened(share, slot, fd, openFlagsOf(wanted) | (wanted & O_APPEND));
}

/**
 * Opens the very file of a node, and only a regular one: FIFOs and devices are the guest's own business, and would let
 * this process wait, or reach what is no share.
 */
export function openedNode(share: ServedShare, slot: number, wanted: number): number {
  const isWrite = (wanted & O_ACCMODE) !== 0 || (wanted & O_TRUNC) !== 0;
  if (share.options.readOnly && isWrite) return errors.EROFS;
  const type = share.nodes.typeOf(slot);
  if (type !== fileType.regular) return type === fileType.folder ? errors.EISDIR : errors.EINVAL;
  if (!share.handles.hasRoom) return errors.ENFILE;
  const fd = share.descriptors.of(slot);
  return fd < 0 ? fd : reopenFd(fd, openFlagsOf(wanted));
}

/**
 * The flags of the guest that the host's file is opened with. Not O_APPEND: the guest's pages are written at their
 * place through any handle. Not O_DIRECT, which asks for addresses as only the guest chose them.
 */
export function openFlagsOf(wanted: number): number {
  return wanted & (O_ACCMODE | O_TRUNC | O_NOATIME | O_SYNC);
}

/** Writes the answer of whatever opens. */
export function opened(share: ServedShare, slot: number, fd: number, flags: number): number {
  const handle = share.handles.add(slot, fd, flags & ~O_TRUNC);
  if (handle < 0) return handle;
  const { view } = share.reply;
  set64(view, replyHeader, handle);
  set64(view, replyHeader + 8, share.options.attributes.seconds >= 1 ? KEEP_CACHE : 0);
  return openBytes;
}

/** Reads straight into the guest's memory, behind the answer's head. */
export function read(share: ServedShare): number {
  const { call, writable, vectors } = share;
  const offset = call.u64(8);
  const size = Math.min(call.u32(16), dataMax, Math.max(0, writable.total - replyHeader));
  const fd = share.handleFd(call.u32(0));
  if (fd < 0) return fd;
  if (offset > offsetMax) return errors.EINVAL;
  const count = writable.writeVectors(vectors.view, replyHeader, size);
  share.isDirect = true;
  return readVectors(fd, vectors.address, count, offset);
}

/** Writes straight from the guest's memory. */
export function write(share: ServedShare): number {
  const { call, readable, vectors, reply } = share;
  const handle = call.u32(0);
  const offset = call.u64(8);
  const flags = call.u32(20);
  const size = Math.min(call.u32(16), dataMax);
  const fd = share.handleFd(handle);
  if (fd < 0) return fd;
  if (offset > offsetMax) return errors.EFBIG;
  if (readable.total < requestHeader + writeArguments + size) return errors.EINVAL;
  if ((flags & FUSE_WRITE_KILL_SUIDGID) !== 0) dropSetId(share, fd);
  const count = readable.writeVectors(vectors.view, requestHeader + writeArguments, size);
  const isAppend = (share.handles.flagsOf(handle) & O_APPEND) !== 0 && (flags & FUSE_WRITE_CACHE) === 0;
  const written = writeVectors(fd, vectors.address, count, offset, isAppend);
  if (written < 0) return written;
  set64(reply.view, replyHeader, written);
  return 8;
}

/** A handle is given back. */
export function release(share: ServedShare): number {
  const slot = share.handles.remove(share.call.u32(0));
  if (slot !== 0) share.nodes.release(slot, share.onGone);
  return 0;
}

/** Nothing waits here for a close. */
export function flush(): number {
  return 0;
}

/** A file to the disk: others need not wait for that, as far as there is room for their like. */
export function fsync(share: ServedShare): number {
  const fd = share.handleFd(share.call.u32(0));
  const isDataOnly = (share.call.u32(8) & 1) !== 0;
  if (fd < 0) return fd;
  const kind = isDataOnly ? syncKind.fileData : syncKind.file;
  return share.syncLater(share.call.u32(0), kind) ? 0 : syncFd(fd, isDataOnly);
}

/** A folder to the disk, which nobody else has open. */
export function fsyncdir(share: ServedShare): number {
  const fd = share.handleFd(share.call.u32(0));
  const isDataOnly = (share.call.u32(8) & 1) !== 0;
  if (fd < 0) return fd;
  const kind = isDataOnly ? syncKind.folderData : syncKind.folder;
  return share.syncLater(share.call.u32(0), kind, fd) ? 0 : syncFd(fd, isDataOnly);
}

/** Room for a file, or holes in it. */
export function fallocate(share: ServedShare): number {
  const { call } = share;
  const fd = share.handleFd(call.u32(0));
  const mode = call.u32(24);
  if (fd < 0) return fd;
  if (share.options.readOnly) return errors.EROFS;
  if (call.u64(8) > offsetMax || call.u64(16) > offsetMax) return errors.EINVAL;
  return (mode & ~FALLOC_KNOWN) !== 0 ? errors.EOPNOTSUPP : allocateFd(fd, mode, call.u64(8), call.u64(16));
}

/** Where data or a hole begins. */
export function lseek(share: ServedShare): number {
  const { call } = share;
  const fd = share.handleFd(call.u32(0));
  if (fd < 0) return fd;
  if (call.u64(8) > offsetMax) return errors.EINVAL;
  const found = seekFd(fd, call.u64(8), call.u32(16));
  if (found < 0) return found;
  set64(share.reply.view, replyHeader, found);
  return 8;
}

/** Copies on the host's side, by sharing blocks where the file system can. */
export function copyFileRange(share: ServedShare): number {
  const { call, scratch, reply } = share;
  const from = share.handleFd(call.u32(0));
  const to = share.handleFd(call.u32(24));
  if (from < 0 || to < 0) return Math.min(from, to);
  if (share.options.readOnly) return errors.EROFS;
  if (call.u64(8) > offsetMax || call.u64(32) > offsetMax) return errors.EINVAL;
  set64(scratch.view, 0, call.u64(8));
  set64(scratch.view, 8, call.u64(32));
  // In bounds, so that other requests get their turn.
  const copied = copyRange(from, to, scratch.address, Math.min(call.u64(40), 64 * dataMax));
  if (copied < 0) return copied;
  set64(reply.view, replyHeader, copied);
  return 8;
}

/** Another length: by the handle that the request names, or by any that is opened for it. */
export function setSize(share: ServedShare, fd: number, handle: number | undefined, size: number): number {
  if (size > offsetMax) return errors.EINVAL;
  if (handle !== undefined) {
    const open = share.handleFd(handle);
    return open < 0 ? open : truncateFd(open, size);
  }
  const writer = reopenFd(fd, 1);
  if (writer < 0) return writer;
  const status = truncateFd(writer, size);
  closeFd(writer);
  return status;
}

/** A program that somebody has written to is nobody's to run as another user, as write(2) has it. */
export function dropSetId(share: ServedShare, fd: number): void {
  if (share.look(fd) < 0) return;
  const mode = share.stat.view.getUint16(statx.mode, true);
  const dropped = 0o4000 | ((mode & 0o10) === 0 ? 0 : 0o2000);
  if (mode >>> 12 === fileType.regular && (mode & dropped) !== 0)
    share.owners.change(fd, share.stat.view, { mode: mode & 0o7777 & ~dropped });
}
