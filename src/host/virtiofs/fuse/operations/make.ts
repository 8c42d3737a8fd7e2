/** How a request makes a name: the name itself, whose it is, and what the guest learns of it. */
import { AT_REMOVEDIR, closeFd, listenIn, O_NOFOLLOW, openAt, unlinkAt } from "../../../../system/kernel/file-calls.ts";
import { O_PATH } from "../../../../system/kernel/libc.ts";
import { fileType } from "../../node/stat.ts";
import type { ServedShare } from "../served-share.ts";
import { errors, replyHeader, requestHeader } from "../wire.ts";

/** A descriptor of the request's node, which has to be a folder. */
export function folderOf(share: ServedShare): number {
  const slot = share.node;
  if (slot === 0) return errors.ESTALE;
  return share.nodes.typeOf(slot) === fileType.folder ? share.descriptors.of(slot) : errors.ENOTDIR;
}

/** Makes a name, gives it to who asked, and looks it up. The name stands at `nameAt` of the arguments. */
export function make(
  share: ServedShare,
  nameAt: number,
  mode: number,
  act: (folder: number, name: number) => number,
  device = 0,
): number {
  const { call } = share;
  const folder = folderOf(share);
  const length = call.nameLength(nameAt);
  if (share.options.readOnly) return errors.EROFS;
  if (folder < 0 || length < 0) return Math.min(folder, length);
  const name = call.addressOf(nameAt);
  const status = act(folder, name);
  if (status < 0 && !(share.isAgain && status === errors.EEXIST)) return status;
  const fd = openAt(folder, name, O_PATH | O_NOFOLLOW);
  if (fd >= 0) {
    const given = give(share, fd, folder, mode, device);
    closeFd(fd);
    // What somebody has made before, or a killed process for this request, stays.
    if (given < 0 && status >= 0) unlinkAt(folder, name, mode >>> 12 === fileType.folder ? AT_REMOVEDIR : 0);
    if (given < 0) return given;
  }
  return share.entered(share.enter(share.node, folder, share.request, requestHeader + nameAt, length));
}

/**
 * Makes a socket that answers programs of this machine, gives it to who asked, and looks it up. EOPNOTSUPP where that
 * cannot be, for what reason ever: it is made as any special file then, or that says why not. A socket that a killed
 * process has made for this request answers if that has told of it: its listener has died with it otherwise.
 */
export function makeListening(share: ServedShare, nameAt: number, mode: number): number {
  const { call, listeners, owners } = share;
  const folder = folderOf(share);
  const length = call.nameLength(nameAt);
  if (!listeners.hasRoom || folder < 0 || length < 0) return errors.EOPNOTSUPP;
  const name = call.addressOf(nameAt);
  const listener = listenIn(folder, name, length, owners.permissions(mode));
  if (listener < 0) return errors.EOPNOTSUPP;
  const file = openAt(folder, name, O_PATH | O_NOFOLLOW);
  const slot = file < 0 ? file : share.enter(share.node, folder, share.request, requestHeader + nameAt, length);
  const isIts = slot > 0 && listeners.add(slot, [listener, file]);
  const given = isIts ? give(share, file, folder, mode) : 0;
  if (given < 0) {
    unlinkAt(folder, name, 0);
    share.nodes.forget(slot, 1, share.onGone);
  } else if (isIts && share.look(file) >= 0) share.writeEntry(slot, replyHeader);
  closeFd(listener);
  if (file >= 0) closeFd(file);
  return given < 0 ? given : share.entered(slot);
}

/** Gives what was just made to who asked for it. */
export function give(share: ServedShare, fd: number, folder: number, mode: number, device = 0): number {
  const { uid, gid } = share.call;
  return share.owners.give(fd, folder, { uid, gid, mode, device });
}
