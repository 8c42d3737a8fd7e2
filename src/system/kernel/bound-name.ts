/** The name that a Unix socket was bound to, asked of a connection to it. */
import { FFIType } from "bun:ffi";
import { fromLibrary } from "./library.ts";

/** Where the name begins: behind the family, which macOS writes as a length and a family of one byte each. */
const nameAt = 2;
const addressBytes = 110;

/** The name of the other side of a connected Unix socket (getpeername(2)); "" for one that has none in the files. */
export function boundName(fd: number): string {
  const address = new Uint8Array(addressBytes);
  const length = new Uint32Array([addressBytes]);
  if (libc().getpeername(fd, address, length) !== 0) return "";
  const name = Buffer.from(address.subarray(nameAt, Math.min(length[0] ?? 0, addressBytes)));
  const end = name.indexOf(0);
  return (end < 0 ? name : name.subarray(0, end)).toString();
}

// --- internal ---

const { i32, ptr } = FFIType;

const libc = fromLibrary({ getpeername: { args: [i32, ptr, ptr], returns: i32 } });
