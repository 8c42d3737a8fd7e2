/** The door to the system's accounts, wherever it has them: files, LDAP, Open Directory. */
import { CString, FFIType, read } from "bun:ffi";
import { fromLibrary } from "./library.ts";

/**
 * The name of a user; nothing for a number that is nobody's. `pw_name` is the first member of struct passwd everywhere
 * (getpwuid(3)).
 */
export function userNameOf(uid: number): string | undefined {
  const account = libc().getpwuid(uid);
  if (account === null) return undefined;
  const name = read.ptr(account, 0);
  // A pointer as a number is what Bun's own types take and give.
  return name === 0 ? undefined : new CString(name as never).toString();
}

// --- internal ---

const libc = fromLibrary({ getpwuid: { args: [FFIType.u32], returns: FFIType.ptr } });
