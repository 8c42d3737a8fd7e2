/** The slot of ports that a VM's Docker chooses from: taken once, kept for the VM's life, free when its folder goes. */
import { createHash } from "node:crypto";
import { readdir } from "node:fs/promises";
import * as v from "valibot";
import type { PortRange } from "../../../protocol/messages.ts";
import { portSchema } from "../../../protocol/terms.ts";
import { readTextIfThere, writeFileAtomically } from "../../../system/files.ts";
import { awaitLock } from "../../../system/kernel/lock.ts";
import { isVmName, type Layout, type VmPaths } from "../../layout.ts";
import { chooseRange } from "../../ports/range.ts";

/** The VM's slot; a new one when it has none yet. Throws VM_BUSY when the lock of QN_HOME's slots is never free. */
export async function portRangeOf(layout: Layout, paths: VmPaths): Promise<PortRange> {
  const own = await readRange(paths);
  if (own !== undefined) return own;
  const lock = await awaitLock(layout.portsLock);
  try {
    const names = (await readdir(layout.home)).filter((name) => isVmName(name) && name !== paths.name);
    const others = await Promise.all(names.map((name) => readRange(layout.vm(name))));
    const taken = others.filter((range) => range !== undefined);
    const range = chooseRange(taken, seedOf(layout.home), await hostClientPorts());
    await writeFileAtomically(paths.portRange, JSON.stringify(range));
    return range;
  } finally {
    lock.release();
  }
}

/** The slot that a VM has; nothing when it has none yet, or one that cannot be read. */
export async function readRange(paths: VmPaths): Promise<PortRange | undefined> {
  const text = await readTextIfThere(paths.portRange);
  try {
    return text === undefined ? undefined : v.parse(rangeSchema, JSON.parse(text));
  } catch {
    return undefined;
  }
}

// --- internal ---

const rangeSchema = v.object({ first: portSchema, last: portSchema });

/** Where to begin: apart for each user and QN_HOME, who do not see each other's VMs. */
function seedOf(home: string): number {
  return createHash("sha256").update(`${process.getuid?.()} ${home}`).digest().readUInt32BE(0);
}

/** The ports that Linux gives to clients here (ip(7)); macOS has its own above all slots. */
async function hostClientPorts(): Promise<PortRange | undefined> {
  const text = await readTextIfThere("/proc/sys/net/ipv4/ip_local_port_range").catch(() => undefined);
  const [first = 0, last = 0] = (text ?? "").trim().split(/\s+/).map(Number);
  return first > 0 && last > 0 ? { first, last } : undefined;
}
