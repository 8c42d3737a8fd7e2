/**
 * Extended attributes on a Mac. Their names have no kinds there, and containers see those of the kind `user.` alone:
 * the Mac's own (com.apple.…) are no names that Linux knows, and what Linux keeps for itself (security.…) is not to be
 * kept by whoever may write to a file.
 */
import { outcome } from "../errno.ts";
import * as flag from "../file-flags.ts";
import { allocate, type Block, copyMemory } from "../memory.ts";
import { libc } from "./calls.ts";
import { attributeFlagsOf, O_EVTONLY, openFlagsOf } from "./numbers.ts";
import { byName, closeFd, EOPNOTSUPP, EPERM } from "./open-calls.ts";

/** The value's length, or ENODATA. With length 0 nothing is copied. */
export function getAttribute(fd: number, name: number, to: number, length: number): number {
  if (!isUsers(name) || byName.has(fd)) return ENODATA;
  return outcome(() => Number(libc().fgetxattr(fd, name, length === 0 ? 0 : to, length, 0, 0)));
}

/** The same where it is all the same why there is none: the length, or -1. */
export function findAttribute(fd: number, attribute: number, to: Block): number {
  return byName.has(fd) ? -1 : Number(libc().fgetxattr(fd, attribute, to.address, to.bytes.length, 0, 0));
}

/** The same of a file or folder by its name, behind which a zero byte follows. */
export function findAttributeAt(dir: number, name: number, _length: number, attribute: number, to: Block): number {
  if (byName.has(dir)) return -1;
  const flags = O_EVTONLY | openFlagsOf(flag.O_NOFOLLOW | flag.O_NONBLOCK);
  const fd = libc().__openat(dir, name, flags, 0);
  if (fd < 0) return -1;
  const length = findAttribute(fd, attribute, to);
  closeFd(fd);
  return length;
}

/** As Linux has it links and special files carry none. */
export function setAttribute(fd: number, name: number, value: number, length: number, flags: number): number {
  if (!isUsers(name)) return EOPNOTSUPP;
  if (byName.has(fd)) return EPERM;
  return outcome(() => libc().fsetxattr(fd, name, value, length, 0, attributeFlagsOf(flags)));
}

/** The names, each with a zero byte behind. */
export function listAttributes(fd: number, to: number, length: number): number {
  if (byName.has(fd)) return 0;
  const { names } = blocks();
  const got = outcome(() => Number(libc().flistxattr(fd, names.address, namesBytes, 0)));
  let used = 0;
  for (let at = 0; at < got;) {
    const size = names.bytes.indexOf(0, at) + 1 - at;
    if (isUsers(names.address + at)) {
      if (used + size > length) return ERANGE;
      copyMemory(to + used, names.address + at, size);
      used += size;
    }
    at += size;
  }
  return got < 0 ? got : used;
}

/** One goes. */
export function removeAttributeFd(fd: number, name: number): number {
  if (!isUsers(name) || byName.has(fd)) return ENODATA;
  return outcome(() => libc().fremovexattr(fd, name, 0));
}

// --- internal ---

const ERANGE = -34;
const ENODATA = -61;
const namesBytes = 64 * 1024;
const kind = "user.";

let made: Record<"names" | "kind", Block> | undefined;

function blocks(): NonNullable<typeof made> {
  if (made !== undefined) return made;
  made = { names: allocate(namesBytes), kind: allocate(8) };
  made.kind.bytes.set(Buffer.from(`${kind}\0`));
  return made;
}

const isUsers = (name: number): boolean => libc().strncmp(name, blocks().kind.address, kind.length) === 0;
