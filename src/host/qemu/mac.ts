/** Hardware addresses of network cards. */
import { createHash } from "node:crypto";

/**
 * An address for a card of the VM in `folder` on the machine called `hostName`: the same at each start, and another one
 * for each VM of a network. Its first byte says that no factory gave it.
 */
export function macOf(hostName: string, folder: string): string {
  const bytes = createHash("sha256").update(`${hostName} ${folder}`).digest();
  return ["02", ...[...bytes.subarray(0, 5)].map((byte) => byte.toString(16).padStart(2, "0"))].join(":");
}
