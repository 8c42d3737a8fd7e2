/** The way to a socket on which a container listens in a folder of the host's. */
import { constants } from "node:fs";
import { lstat, open, readlink } from "node:fs/promises";
import { QnError } from "../../../base/errors.ts";
import type { Boot } from "../../../protocol/messages.ts";
import type { MountSocket } from "../../../protocol/mount-sockets.ts";
import { O_PATH } from "../../../system/kernel/libc.ts";
import { connect, type Connection } from "../../../system/net/connection.ts";

/**
 * Connects to it; what is given is paused. A container may put a link in its way at any moment, to the guest's Docker
 * socket say: what is connected to is what was looked at. Throws LINK_REFUSED for what is no socket in that share, and
 * the system's error where nobody listens.
 */
export async function reachMountSocket(shares: Boot["shares"], { tag, path }: MountSocket): Promise<Connection> {
  const share = shares.find((each) => each.tag === tag);
  if (share === undefined) throw new QnError("LINK_REFUSED", "There is no such mount.");
  const named = `${share.folder}/${path}`;
  await using file = await open(named, O_PATH | constants.O_NOFOLLOW);
  const held = `/proc/self/fd/${file.fd}`;
  const [stats, root, leads] = await Promise.all([file.stat(), lstat(share.folder), readlink(held)]);
  if (!stats.isSocket() || stats.dev !== root.dev || leads !== named)
    throw new QnError("LINK_REFUSED", `${named} is no socket of that mount.`);
  const connection = await connect({ unix: held });
  // A server may speak first, and nobody listens before the file is closed.
  connection.pause();
  return connection;
}
