/** The door to what machine this is, and whose. */
import { userInfo } from "node:os";
import { QnError } from "../base/errors.ts";
import type { Arch } from "../base/words.ts";

/** Node's names of architectures (`process.arch`) in the kernel's words. */
const archOf: Readonly<Record<string, Arch>> = { x64: "x86_64", arm64: "aarch64" };

/** The architecture of this machine. Throws QEMU_MISSING on one that qn is not made for. */
export function ownArch(): Arch {
  const arch = archOf[process.arch];
  if (arch === undefined) throw new QnError("QEMU_MISSING", `qn does not run on ${process.arch}.`);
  return arch;
}

/** Whose what this program makes is. */
export function ownUid(): number {
  return userInfo().uid;
}
