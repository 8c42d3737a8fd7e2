/** The door to what machine this is, and whose. */
import { homedir, userInfo } from "node:os";
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

/** Whose what this program makes is: the number alone, since the runtime throws for whoever has no home folder. */
export function ownUid(): number {
  return process.getuid?.() ?? userInfo().uid;
}

/**
 * The home folder of whoever runs this; `lookUp` is the system's own unless given. Throws HOME_UNUSABLE for a user who
 * is in no list and has no HOME, as in many a container.
 */
export function ownHome(lookUp: () => string = homedir): string {
  try {
    return lookUp();
  } catch (cause) {
    throw new QnError("HOME_UNUSABLE", `The user with the number ${ownUid()} has no home folder: HOME is not set.`, {
      cause,
      hint: "Set HOME to a folder of yours.",
    });
  }
}
