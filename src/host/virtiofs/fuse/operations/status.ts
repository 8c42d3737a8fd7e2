/** Requests about what a file is: attributes, links' texts, extended attributes, the file system. */
import {
  getAttribute,
  listAttributes,
  readLinkFd,
  removeAttributeFd,
  setAttribute,
  setTimesFd,
  statFileSystem,
  syncFileSystem,
  reopenFd,
  closeFd,
} from "../../../../system/kernel/file-calls.ts";
import { statx } from "../../../../system/kernel/statx.ts";
import { set64, writeAttributesReply } from "../attributes.ts";
import { ownerAttribute } from "../../node/owner.ts";
import { fileType } from "../../node/stat.ts";
import type { ServedShare } from "../served-share.ts";
import { syncKind } from "../slow-syncs.ts";
import { attributesBytes, errors, replyHeader, requestHeader } from "../wire.ts";
import { dropSetId, setSize } from "./data.ts";

const FUSE_GETATTR_FH = 1;

/** Which members of struct fuse_setattr_in are meant. */
const set = {
  mode: 1,
  uid: 2,
  gid: 4,
  size: 8,
  accessed: 16,
  modified: 32,
  handle: 64,
  accessedNow: 128,
  modifiedNow: 256,
  killSetId: 2048,
} as const;

const UTIME_NOW = 0x3fffffff;
const UTIME_OMIT = 0x3ffffffe;

/** The longest value and list of Linux (XATTR_SIZE_MAX, XATTR_LIST_MAX), and the longest link. */
const attributeMax = 65_536;
const linkMax = 4096;

/** What a file is. */
export function getattr(share: ServedShare): number {
  const fd = share.nodeFd;
  if (fd >= 0) return described(share, fd);
  const open = (share.call.u32(0) & FUSE_GETATTR_FH) === 0 ? fd : share.handleFd(share.call.u32(8));
  return open < 0 ? fd : described(share, open);
}

/** Changes what a file is, and says what it is then. */
export function setattr(share: ServedShare): number {
  const { call, scratch } = share;
  if (share.options.readOnly) return errors.EROFS;
  const slot = share.node;
  const fd = share.nodeFd;
  const valid = call.u32(0);
  if (fd === errors.ESTALE && slot !== 0 && (valid & ~set.killSetId) === (set.uid | set.gid)) return ended(share, slot);
  if (fd < 0) return fd;
  if ((valid & (set.mode | set.uid | set.gid)) !== 0) {
    const seen = share.look(fd);
    const change = {
      ...((valid & set.mode) !== 0 && { mode: call.u32(68) & 0o7777 }),
      ...((valid & set.uid) !== 0 && { uid: call.u32(76) }),
      ...((valid & set.gid) !== 0 && { gid: call.u32(80) }),
    };
    const status = seen < 0 ? seen : share.owners.change(fd, share.stat.view, change);
    if (status < 0) return status;
  }
  if ((valid & set.size) !== 0) {
    if (share.nodes.typeOf(slot) !== fileType.regular) return errors.EINVAL;
    const handle = (valid & set.handle) === 0 ? undefined : call.u32(8);
    const status = setSize(share, fd, handle, call.u64(16));
    if (status < 0) return status;
    if ((valid & set.killSetId) !== 0) dropSetId(share, fd);
  }
  if ((valid & (set.accessed | set.modified)) !== 0) {
    writeTime(scratch.view, 0, valid, set.accessed, set.accessedNow, [call.u32(32), call.u32(36), call.u32(56)]);
    writeTime(scratch.view, 16, valid, set.modified, set.modifiedNow, [call.u32(40), call.u32(44), call.u32(60)]);
    const status = setTimesFd(fd, scratch.address);
    if (status < 0) return status;
  }
  return described(share, fd);
}

/** What a link says. */
export function readlink(share: ServedShare): number {
  const fd = share.nodeFd;
  return fd < 0 ? fd : readLinkFd(fd, share.reply.address + replyHeader, linkMax);
}

/** How full the file system is. */
export function statfs(share: ServedShare): number {
  const fd = share.nodeFd;
  const { view: from, address } = share.scratch;
  const status = fd < 0 ? fd : statFileSystem(fd, address);
  if (status < 0) return status;
  const to = share.reply.view;
  for (let word = 0; word < 20; word += 1) to.setUint32(replyHeader + 4 * word, 0, true);
  // struct statfs to struct fuse_kstatfs: blocks, free, available, files, free files.
  for (let word = 0; word < 10; word += 1)
    to.setUint32(replyHeader + 4 * word, from.getUint32(16 + 4 * word, true), true);
  to.setUint32(replyHeader + 40, from.getUint32(8, true), true);
  to.setUint32(replyHeader + 44, from.getUint32(64, true), true);
  to.setUint32(replyHeader + 48, from.getUint32(72, true), true);
  return 80;
}

/** All of the file system to the disk. */
export function syncfs(share: ServedShare): number {
  const fd = share.nodeFd;
  const open = fd < 0 ? fd : reopenFd(fd, 0);
  if (open < 0) return open;
  const status = share.syncLater(0, syncKind.all, open) ? 0 : syncFileSystem(open);
  closeFd(open);
  return status;
}

/** The value of an extended attribute, or its length. */
export function getxattr(share: ServedShare): number {
  const { call } = share;
  const length = call.nameText(8);
  const fd = share.nodeFd;
  if (length < 0 || fd < 0) return Math.min(length, fd);
  if (isOwn(share.request.bytes, requestHeader + 8, length)) return errors.ENODATA;
  const size = call.u32(0);
  if (size > 0)
    return getAttribute(fd, call.addressOf(8), share.reply.address + replyHeader, Math.min(size, attributeMax));
  return answeredLength(share, getAttribute(fd, call.addressOf(8), share.scratch.address, 0));
}

/** The names of all but the one that is kept by the server itself. */
export function listxattr(share: ServedShare): number {
  const { scratch, reply } = share;
  const fd = share.nodeFd;
  const size = share.call.u32(0);
  const length = fd < 0 ? fd : listAttributes(fd, scratch.address, attributeMax);
  if (length < 0) return length;
  let used = 0;
  for (let at = 0, end = 0; at < length; at = end + 1) {
    end = scratch.bytes.indexOf(0, at);
    if (isOwn(scratch.bytes, at, end - at)) continue;
    reply.bytes.set(scratch.bytes.subarray(at, end + 1), replyHeader + used);
    used += end + 1 - at;
  }
  if (size === 0) return answeredLength(share, used);
  return used > size ? errors.ERANGE : used;
}

/** A new value. */
export function setxattr(share: ServedShare): number {
  const { call } = share;
  if (share.options.readOnly) return errors.EROFS;
  const length = call.nameText(8);
  const fd = share.nodeFd;
  if (length < 0 || fd < 0) return Math.min(length, fd);
  // Whoever owns a file would be whoever he says.
  if (isOwn(share.request.bytes, requestHeader + 8, length)) return errors.EPERM;
  const size = call.u32(0);
  const valueAt = 8 + length + 1;
  if (size > attributeMax || !call.has(valueAt + size)) return errors.E2BIG;
  return setAttribute(fd, call.addressOf(8), call.addressOf(valueAt), size, call.u32(4));
}

/** One goes. */
export function removexattr(share: ServedShare): number {
  if (share.options.readOnly) return errors.EROFS;
  const length = share.call.nameText(0);
  const fd = share.nodeFd;
  if (length < 0 || fd < 0) return Math.min(length, fd);
  if (isOwn(share.request.bytes, requestHeader, length)) return errors.ENODATA;
  return removeAttributeFd(fd, share.call.addressOf(0));
}

// --- internal ---

function described(share: ServedShare, fd: number): number {
  const status = share.look(fd);
  if (status < 0) return status;
  const { attributes } = share.options;
  writeAttributesReply(share.reply.view, replyHeader, share.stat.view, share.deviceIndex, attributes);
  return attributesBytes;
}

/**
 * The answer to who gives a file away that the host has taken from its name: done, as a moment earlier, and it has no
 * name. The kernel learns so that it is gone, which no error says; programs in the guest that watch it hear of it then.
 */
function ended(share: ServedShare, slot: number): number {
  const { bytes, view } = share.stat;
  bytes.fill(0);
  view.setUint16(statx.mode, share.nodes.typeOf(slot) << 12, true);
  view.setUint32(statx.uid, share.call.u32(76), true);
  view.setUint32(statx.gid, share.call.u32(80), true);
  writeAttributesReply(share.reply.view, replyHeader, view, () => 0, share.options.attributes);
  return attributesBytes;
}

const ownName = Buffer.from(ownerAttribute);

/** Whether the name of `length` bytes is that of the attribute that containers neither see nor set. */
function isOwn(bytes: Uint8Array, from: number, length: number): boolean {
  return length === ownName.length && ownName.every((byte, index) => bytes[from + index] === byte);
}

function answeredLength(share: ServedShare, length: number): number {
  if (length < 0) return length;
  set64(share.reply.view, replyHeader, length);
  return 8;
}

/** struct timespec of one time: the one that stands there, now, or as it was. */
function writeTime(
  to: DataView,
  at: number,
  valid: number,
  isSet: number,
  isNow: number,
  [low, high, nanoseconds]: readonly [number, number, number],
): void {
  to.setUint32(at, low, true);
  to.setUint32(at + 4, high, true);
  const kind = (valid & isSet) === 0 ? UTIME_OMIT : (valid & isNow) === 0 ? nanoseconds : UTIME_NOW;
  to.setUint32(at + 8, kind, true);
  to.setUint32(at + 12, 0, true);
}
