/** The door to the system's accounts, wherever it has them: files, LDAP, Open Directory. */
import { CString, FFIType, type Pointer, read } from "bun:ffi";
import { fromLibrary } from "./library.ts";

/**
 * The name of a user; nothing for a number that is nobody's. `pw_name` is the first member of struct passwd everywhere
 * (getpwuid(3)).
 */
export function userNameOf(uid: number): string | undefined {
  const account = libc().getpwuid(uid);
  if (account === null) return undefined;
  const name = read.ptr(account, 0);
  // CString is an object that looks like a string; what is cut from it is one.
  return isPointer(name) ? new CString(name).slice() : undefined;
}

// --- internal ---

/** What C calls NULL leads nowhere. */
function isPointer(address: number): address is Pointer {
  return address !== 0;
}

const libc = fromLibrary({ getpwuid: { args: [FFIType.u32], returns: FFIType.ptr } });
