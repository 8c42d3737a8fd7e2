/** Requests about names in folders. Each gives the length of its answer, or an error's number below zero. */
import {
  AT_REMOVEDIR,
  closeFd,
  linkFdAt,
  mkdirAt,
  mknodAt,
  O_ACCMODE,
  O_APPEND,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_RDWR,
  O_TMPFILE,
  O_TRUNC,
  openAt,
  renameAt,
  reopenFd,
  statAt,
  statFd,
  symlinkAt,
  unlinkAt,
} from "../../../../system/kernel/file-calls.ts";
import { O_PATH } from "../../../../system/kernel/libc.ts";
import { fileType, identityIn } from "../../node/stat.ts";
import { set64 } from "../attributes.ts";
import type { ServedShare } from "../served-share.ts";
import { entryBytes, errors, openBytes, replyHeader, requestHeader } from "../wire.ts";
import { openedNode, openFlagsOf } from "./data.ts";
import { folderOf, give, make, makeListening } from "./make.ts";

const S_ISUID_ISGID = 0o6000;
const PERMISSIONS = 0o7777;
/** What mknod(2) makes. */
const made: ReadonlySet<number> = new Set([
  fileType.fifo,
  fileType.character,
  fileType.block,
  fileType.regular,
  fileType.socket,
]);
const RENAME_NOREPLACE = 1;
const RENAME_EXCHANGE = 2;

/** A name that the guest looks up. */
export function lookup(share: ServedShare): number {
  const folder = folderOf(share);
  const length = share.call.nameLength(0);
  if (folder < 0) return folder;
  if (length < 0) return length;
  return share.entered(share.enter(share.node, folder, share.request, requestHeader, length));
}

/**
 * A FIFO, a socket, a device or an empty file. Devices of the host are nothing that a guest makes; where owners are
 * kept an empty file stands in for each, so that no program of the host ever waits for a FIFO that a guest has made.
 */
export function mknod(share: ServedShare): number {
  const { owners, call } = share;
  const mode = call.u32(0);
  const device = call.u32(4);
  const type = mode >>> 12 === 0 ? fileType.regular : mode >>> 12;
  if (!made.has(type)) return errors.EPERM;
  const whole = (type << 12) | (mode & PERMISSIONS);
  const answering = type === fileType.socket ? makeListening(share, 16, whole) : errors.EOPNOTSUPP;
  if (answering !== errors.EOPNOTSUPP) return answering;
  const permissions = owners.permissions((fileType.regular << 12) | (mode & PERMISSIONS));
  const plain = (fileType.regular << 12) | permissions;
  if (owners.hasStandIns || type === fileType.regular) {
    const status = make(share, 16, whole, (folder, name) => mknodAt(folder, name, plain, 0), device);
    if (status !== errors.EOPNOTSUPP) return status;
  }
  if (type === fileType.block || (type === fileType.character && device !== 0)) return errors.EPERM;
  return make(share, 16, whole, (folder, name) => mknodAt(folder, name, whole, device));
}

/** A folder. */
export function mkdir(share: ServedShare): number {
  const mode = (fileType.folder << 12) | (share.call.u32(0) & PERMISSIONS & ~S_ISUID_ISGID);
  return make(share, 8, mode, (folder, name) => mkdirAt(folder, name, share.owners.permissions(mode)));
}

/** A symbolic link: the name, and behind it what it says, whatever that is. */
export function symlink(share: ServedShare): number {
  const length = share.call.nameLength(0);
  if (length < 0) return length;
  if (share.call.textLength(length + 1) < 0) return errors.EINVAL;
  const target = share.call.addressOf(length + 1);
  const mode = (fileType.link << 12) | 0o777;
  return make(share, 0, mode, (folder, name) => symlinkAt(target, folder, name));
}

/** Another name for a file. */
export function link(share: ServedShare): number {
  const { call } = share;
  const folder = folderOf(share);
  const length = call.nameLength(8);
  const slot = share.nodes.slotOf(call.u32(0), call.u32(4));
  if (share.options.readOnly) return errors.EROFS;
  if (folder < 0 || length < 0) return Math.min(folder, length);
  const fd = slot === 0 ? errors.ESTALE : share.descriptors.of(slot);
  if (fd < 0) return fd;
  const status = linkFdAt(fd, folder, call.addressOf(8));
  if (status < 0 && !(share.isAgain && status === errors.EEXIST)) return status;
  return share.entered(share.enter(share.node, folder, share.request, requestHeader + 8, length));
}

/** A file's name goes; who has the file open keeps it. */
export function unlink(share: ServedShare): number {
  return remove(share, 0);
}

/** An empty folder goes. */
export function rmdir(share: ServedShare): number {
  return remove(share, AT_REMOVEDIR);
}

/** A name becomes another, in this folder or the one that the request names. */
export function rename(share: ServedShare): number {
  return move(share, 8, 0);
}

/** The same with flags: not over another, or both exchanged. */
export function rename2(share: ServedShare): number {
  const flags = share.call.u32(8);
  if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) !== 0) return errors.EINVAL;
  return move(share, 16, flags);
}

/** A new file, opened; or what is there already, as open(2) does with O_CREAT. */
export function create(share: ServedShare): number {
  const { call } = share;
  const folder = folderOf(share);
  const length = call.nameLength(16);
  if (share.options.readOnly) return errors.EROFS;
  if (folder < 0 || length < 0) return Math.min(folder, length);
  if (!share.handles.hasRoom) return errors.ENFILE;
  const wanted = call.u32(0);
  const mode = (fileType.regular << 12) | (call.u32(4) & PERMISSIONS);
  const flags = openFlagsOf(wanted);
  // Always exclusive: what is there already may be no file that a server may open without waiting for ever.
  const name = call.addressOf(16);
  let fd = openAt(folder, name, flags | O_CREAT | O_EXCL | O_NOFOLLOW, share.owners.permissions(mode));
  const isNew = fd >= 0;
  if (!isNew && (fd !== errors.EEXIST || ((wanted & O_EXCL) !== 0 && !share.isAgain))) return fd;
  const given = isNew ? give(share, fd, folder, mode) : 0;
  if (given < 0) unlinkAt(folder, name, 0);
  const slot = given < 0 ? given : share.enter(share.node, folder, share.request, requestHeader + 16, length);
  if (slot < 0) {
    if (isNew) closeFd(fd);
    return slot;
  }
  if (!isNew) fd = openedNode(share, slot, wanted);
  return withHandle(share, slot, fd, flags | (wanted & O_APPEND));
}

/** A file without a name (O_TMPFILE), which is there as long as it is open, or gets a name by link. */
export function tmpfile(share: ServedShare): number {
  const { call } = share;
  const folder = folderOf(share);
  if (share.options.readOnly) return errors.EROFS;
  if (folder < 0) return folder;
  if (!share.handles.hasRoom) return errors.ENFILE;
  const mode = (fileType.regular << 12) | (call.u32(4) & PERMISSIONS);
  const access = (call.u32(0) & O_ACCMODE) === 0 ? O_RDWR : call.u32(0) & O_ACCMODE;
  const fd = openUnnamed(folder, access | (call.u32(0) & O_EXCL), share.owners.permissions(mode), share);
  if (fd < 0) return fd;
  const given = give(share, fd, folder, mode);
  if (given < 0) {
    closeFd(fd);
    return given;
  }
  statFd(fd, share.stat.address);
  const slot = share.nodes.add(share.node, share.request.address, 0, identityIn(share.stat.view));
  if (slot === 0) {
    closeFd(fd);
    return errors.ENFILE;
  }
  share.nodes.markRemoved(slot);
  share.nodes.addLookup(slot);
  share.owners.see(fd, share.stat.view);
  share.writeEntry(slot, replyHeader);
  share.descriptors.pinOpened(slot, reopenFd(fd, O_PATH));
  return withHandle(share, slot, fd, access);
}

// --- internal ---

function withHandle(share: ServedShare, slot: number, fd: number, flags: number): number {
  // Whoever opens it anew after a killed process empties nothing.
  const handle = fd < 0 ? fd : share.handles.add(slot, fd, flags & ~O_TRUNC);
  if (handle < 0) {
    share.nodes.forget(slot, 1, share.onGone);
    return handle;
  }
  const { view } = share.reply;
  set64(view, replyHeader + entryBytes, handle);
  set64(view, replyHeader + entryBytes + 8, 0);
  return entryBytes + openBytes;
}

/** O_TMPFILE below a folder that is known by an O_PATH descriptor. */
function openUnnamed(folder: number, flags: number, mode: number, share: ServedShare): number {
  share.scratch.bytes.set([46, 0]);
  return openAt(folder, share.scratch.address, O_TMPFILE | flags, mode);
}

function remove(share: ServedShare, flags: number): number {
  const { call } = share;
  const folder = folderOf(share);
  const length = call.nameLength(0);
  if (share.options.readOnly) return errors.EROFS;
  if (folder < 0 || length < 0) return Math.min(folder, length);
  const slot = nodeAt(share, folder, call.addressOf(0));
  if (slot > 0) share.descriptors.pin(slot);
  const status = unlinkAt(folder, call.addressOf(0), flags);
  if (status < 0) return share.isAgain && status === errors.ENOENT ? 0 : status;
  if (slot > 0 && share.nodes.isAt(slot, share.node, share.request.bytes, requestHeader, length))
    share.nodes.markRemoved(slot);
  return 0;
}

function move(share: ServedShare, nameAt: number, flags: number): number {
  const { call, nodes, descriptors } = share;
  const from = folderOf(share);
  const target = nodes.slotOf(call.u32(0), call.u32(4));
  if (share.options.readOnly) return errors.EROFS;
  if (target === 0) return errors.ESTALE;
  if (nodes.typeOf(target) !== fileType.folder) return errors.ENOTDIR;
  const length = call.nameLength(nameAt);
  if (from < 0 || length < 0) return Math.min(from, length);
  const newAt = nameAt + length + 1;
  const newLength = call.nameLength(newAt);
  if (newLength < 0) return newLength;
  const to = descriptors.of(target);
  if (to < 0) return to;
  const moved = nodeAt(share, from, call.addressOf(nameAt));
  const replaced = nodeAt(share, to, call.addressOf(newAt));
  const isExchange = (flags & RENAME_EXCHANGE) !== 0;
  // Two names of one file: rename(2) leaves both.
  if (replaced > 0 && replaced !== moved && !isExchange) descriptors.pin(replaced);
  const status = renameAt(from, call.addressOf(nameAt), to, call.addressOf(newAt), flags);
  if (status < 0) return share.isAgain && status === errors.ENOENT ? 0 : status;
  if (moved > 0 && moved === replaced) return 0;
  const { bytes } = share.request;
  if (replaced > 0 && !isExchange && nodes.isAt(replaced, target, bytes, requestHeader + newAt, newLength))
    nodes.markRemoved(replaced);
  if (moved > 0) renamed(share, moved, target, newAt, newLength);
  if (replaced > 0 && isExchange) renamed(share, replaced, share.node, nameAt, length);
  return 0;
}

function renamed(share: ServedShare, slot: number, folder: number, nameAt: number, length: number): void {
  if (share.nodes.isAbove(slot, folder)) return;
  share.nodes.move(slot, folder, share.call.addressOf(nameAt), length);
  if (share.nodes.isRemoved(slot)) share.named(slot);
}

/** The node of what is at a name now; 0 when the guest knows none of it. */
function nodeAt(share: ServedShare, folder: number, name: number): number {
  return statAt(folder, name, share.stat.address) < 0 ? 0 : share.nodes.find(identityIn(share.stat.view));
}
