/** The host's sockets in the guest, opened: the agent's own, in a file system that nobody else reaches. */
import { mkdirSync } from "node:fs";
import { messageOf } from "../../../base/errors.ts";
import type { GuestSocket } from "../../../protocol/host-sockets.ts";
import type { Boot } from "../../../protocol/messages.ts";
import { mount, unmount } from "../../../system/kernel/libc.ts";
import { mountTable } from "../../../system/mount-table.ts";
import { socketSource } from "../shares.ts";
import { keptSocket, type SocketListeners } from "./listen.ts";
import { type ShowOptions, ShownSockets } from "./show.ts";

/** A file system of their own, so that the table of mounts tells them from all else. */
const folder = "/run/qn/sockets";

/**
 * Listens for the boot's sockets, ready to be shown; that they cannot be had is told of. Those of an agent before that
 * nobody has kept, and so nobody listens on, are taken from where they were shown.
 */
export function openSockets(
  boot: Boot,
  listeners: SocketListeners,
  tell: Pick<ShowOptions, "onOther" | "onTrouble">,
): ShownSockets {
  const sockets = boot.sockets ?? [];
  try {
    mountFolder(sockets);
    return new ShownSockets({ ...tell, boot, own: listeners.listen(sockets, folder) });
  } catch (error) {
    tell.onTrouble(`sockets of the host: ${messageOf(error)}`);
    return new ShownSockets({ ...tell, boot: { ...boot, sockets: [] }, own: [] });
  }
}

// --- internal ---

function mountFolder(sockets: readonly GuestSocket[]): void {
  const ours = mountTable().filter(({ source }) => source === socketSource);
  const areKept = sockets.every((_socket, index) => keptSocket(index) !== undefined);
  for (const { target } of ours.toReversed()) if (target !== folder && !areKept) unmount(target);
  if (sockets.length === 0 || ours.some(({ target }) => target === folder)) return;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  mount(socketSource, folder, "tmpfs", "size=64k,mode=0700");
}
