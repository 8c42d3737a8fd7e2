/** The door to what machine this is. */
import { userInfo } from "node:os";
import { QnError } from "../base/errors.ts";
import { lazily } from "../base/lazily.ts";
import type { Arch } from "../base/words.ts";
import { userNameOf } from "./kernel/users.ts";

/** Node's names of architectures (`process.arch`) in the kernel's words. */
const archOf: Readonly<Record<string, Arch>> = { x64: "x86_64", arm64: "aarch64" };

/** The architecture of this machine. Throws QEMU_MISSING on one that qn is not made for. */
export function ownArch(): Arch {
  const arch = archOf[process.arch];
  if (arch === undefined) throw new QnError("QEMU_MISSING", `qn does not run on ${process.arch}.`);
  return arch;
}

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
