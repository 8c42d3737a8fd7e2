/** Finds the devices of virtiofs again, which the host has unplugged while the guest slept, and plugged in since. */
import { existsSync, readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { within } from "../../system/clock.ts";
import { followProgram } from "../../system/process.ts";

/** How long they may take to be there: Linux waits a second for a port that it powers on (drivers/pci/hotplug). */
const devicesMs = 10_000;

/**
 * Resolves when there are so many. Where ACPI plugs, as on x86_64, they are there once the kernel has looked for them,
 * whenever it would have heard of them itself; elsewhere it powers ports on in its own time.
 */
export async function findDevices(count: number): Promise<void> {
  if (isEnough(count)) return;
  await writeFile("/sys/bus/pci/rescan", "1");
  if (isEnough(count)) return;
  const { promise: found, resolve, reject } = Promise.withResolvers<void>();
  const over = new AbortController();
  // Its first lines say that it listens: what came between the look above and now is seen then.
  const monitor = ["udevadm", "monitor", "--kernel", "--subsystem-match=virtio"];
  followProgram(monitor, () => isEnough(count) && resolve(), over.signal).catch(reject);
  try {
    await within(found, devicesMs, () => new Error("The guest's kernel does not see the mounts' devices again."));
  } finally {
    over.abort();
  }
}

// --- internal ---

/** The driver's folder, once it is loaded: its devices have the names of virtio, and other files are its own. */
const driver = "/sys/bus/virtio/drivers/virtiofs";

function isEnough(count: number): boolean {
  const names = existsSync(driver) ? readdirSync(driver) : [];
  return names.filter((name) => /^virtio\d+$/.test(name)).length >= count;
}
