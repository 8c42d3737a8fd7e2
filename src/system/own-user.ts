/** Who runs this. It stands apart from the machine, since lists of VMs name nobody and the C library takes its time. */
import { userInfo } from "node:os";
import { lazily } from "../base/lazily.ts";
import { userNameOf } from "./kernel/users.ts";

/** The user who runs this: `uid` and `gid` own what it makes. */
export type OwnUser = { readonly name: string; readonly uid: number; readonly gid: number };

/**
 * Who runs this. Bun knows the name from the environment only, which services do not have; the C library knows it
 * always.
 */
export const ownUser: () => OwnUser = lazily(() => {
  const { username, uid, gid } = userInfo();
  if (username !== "unknown" && username !== "") return { name: username, uid, gid };
  return { name: userNameOf(uid) ?? `uid${uid}`, uid, gid };
});
