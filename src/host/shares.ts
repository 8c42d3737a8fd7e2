/** Which host folders a VM sees, and under which tag: the same list for QEMU and for the guest. */
import type { Boot } from "../protocol/messages.ts";
import type { Share } from "./config/schema.ts";

/** A share as the guest is told of it. */
export type GuestShare = Boot["shares"][number];

/**
 * The shares of a VM: those of its settings at their own paths, and /tmp aside, because a 9p file system cannot hold
 * the sockets that the guest itself makes there (design D8). Tags follow the order, as QEMU's devices do.
 */
export function sharesOf(mounts: readonly Share[]): GuestShare[] {
  const shares = mounts.map(({ path, readOnly }) => ({ path, readOnly, folder: path }));
  const tmp = { path: "/tmp", readOnly: false, folder: "/run/qn/tmp" };
  return [...shares.filter(({ path }) => path !== tmp.path), tmp].map((share, index) => ({
    tag: `qn${index}`,
    ...share,
  }));
}
