/** What QEMU does with `hostfwd`: it has the port of this machine from its start on, or ends with words. */
import { type Listener, listen } from "../../src/system/net/connection.ts";

/** Holds a port of the loopback until closed; nothing where somebody else has it, which is said as QEMU says it. */
export function forwardedPort(port: number, isLost: boolean): Listener | undefined {
  try {
    if (!isLost) return listen({ hostname: "127.0.0.1", port }, (connection) => connection.reset());
  } catch {
    // Somebody else has it.
  }
  const rule = `'tcp:127.0.0.1:${port}-:22'`;
  process.stderr.write(`qemu-system-fake: -netdev user,id=net: Could not set up host forwarding rule ${rule}\n`);
  process.exitCode = 1;
  return undefined;
}
