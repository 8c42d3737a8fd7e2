/**
 * The door to Landlock (landlock(7)): a thread gives up all files but those below one folder, and never gets them
 * back.
 */
import { FFIType } from "bun:ffi";
import { outcome } from "./errno.ts";
import { fromLibrary } from "./library.ts";
import { allocate } from "./memory.ts";

/** System calls by number, the same on x86_64 and aarch64. */
const SYS_landlock_create_ruleset = 444;
const SYS_landlock_add_rule = 445;
const SYS_landlock_restrict_self = 446;

const LANDLOCK_CREATE_RULESET_VERSION = 1;
const LANDLOCK_RULE_PATH_BENEATH = 1;
const PR_SET_NO_NEW_PRIVS = 38;

/** How many rights over files each version knows, from 0 on: 13, moving between folders, truncating, ioctl(2). */
const rightsByVersion = [0, 13, 14, 15, 15, 16] as const;

/** Version 1 forbids every move from a folder to another: too much. */
const versionMin = 2;

/** EXECUTE, READ_FILE and READ_DIR. */
const readingRights = 0b1101;

/**
 * Leaves this thread, which runs all JavaScript, nothing to open, make or remove but what is below the folder that `fd`
 * stands for; what is open stays open. False where the kernel has no Landlock of version 2 or newer, as on a Mac.
 */
export function confineTo(fd: number, readOnly: boolean): boolean {
  if (process.platform !== "linux") return false;
  const version = call(SYS_landlock_create_ruleset, 0, 0, LANDLOCK_CREATE_RULESET_VERSION, 0);
  if (version < versionMin) return false;
  const { address, view } = allocate(64);
  const rights = 2 ** (rightsByVersion[version] ?? rightsByVersion[5]) - 1;
  view.setUint32(0, rights, true);
  const ruleset = call(SYS_landlock_create_ruleset, address, 8, 0, 0);
  if (ruleset < 0) return false;
  // struct landlock_path_beneath_attr: the rights, and the folder.
  view.setUint32(0, readOnly ? readingRights : rights, true);
  view.setInt32(8, fd, true);
  if (call(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, address, 0) < 0) return false;
  // Without it only root may.
  libc().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  const status = call(SYS_landlock_restrict_self, ruleset, 0, 0, 0);
  libc().close(ruleset);
  return status >= 0;
}

// --- internal ---

function call(number: number, ...[a, b, c, d]: readonly [number, number, number, number]): number {
  return outcome(() => Number(libc().syscall(number, a, b, c, d)));
}

const { i32, i64_fast, u64_fast } = FFIType;

const libc = fromLibrary({
  syscall: { args: [i64_fast, u64_fast, u64_fast, u64_fast, u64_fast], returns: i64_fast },
  prctl: { args: [i32, u64_fast, u64_fast, u64_fast, u64_fast], returns: i32 },
  close: { args: [i32], returns: i32 },
});
