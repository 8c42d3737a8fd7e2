/** Devices that come and go while the guest runs, as QEMU is told of them. */
import * as v from "valibot";
import { QnError } from "../../base/errors.ts";
import { within } from "../../system/clock.ts";
import type { QmpClient } from "./client.ts";

/** A device in the words of `-device`. */
export type Device = { readonly driver: string; readonly id: string; readonly [property: string]: string | number };

/** The ids of all devices that have one; ports too. Throws QEMU_FAILED and PROTOCOL. */
export async function deviceIds(qmp: Pick<QmpClient, "execute">): Promise<ReadonlySet<string>> {
  const found = v.safeParse(listSchema, await qmp.execute("qom-list", { path: "/machine/peripheral" }));
  if (!found.success) throw new QnError("PROTOCOL", "QEMU does not say which devices there are.");
  return new Set(found.output.map(({ name }) => name));
}

/**
 * Plugs in a device that a process serves at `socketPath`, with a chardev that has its id. Throws QEMU_FAILED, and
 * nothing of it is there then.
 */
export async function plugIn(qmp: Pick<QmpClient, "execute">, device: Device, socketPath: string): Promise<void> {
  const { id } = device;
  const removed = async (): Promise<unknown> => await qmp.execute("chardev-remove", { id }).catch(() => {});
  // Whoever died in the middle of an unplug has left one; mostly there is none.
  await removed();
  const data = { addr: { type: "unix", data: { path: socketPath } }, server: false };
  await qmp.execute("chardev-add", { id, backend: { type: "socket", data } });
  try {
    await qmp.execute("device_add", device);
  } catch (error) {
    await removed();
    throw error;
  }
}

/**
 * Has the guest give these devices back, each with its chardev. Throws QEMU_FAILED when it does not in `deadlineMs`, or
 * when QEMU refuses, and the reason of `calledOff`; some of them may be gone then, and others go later.
 */
export async function unplug(
  qmp: QmpClient,
  ids: readonly string[],
  deadlineMs: number,
  calledOff: AbortSignal,
): Promise<void> {
  calledOff.throwIfAborted();
  if (ids.length === 0) return;
  const left = new Set(ids);
  const { promise: gone, resolve, reject } = Promise.withResolvers<void>();
  const off = qmp.onEvent(({ name, data }) => {
    if (name !== "DEVICE_DELETED" || typeof data["device"] !== "string") return;
    left.delete(data["device"]);
    if (left.size === 0) resolve();
  });
  gone.catch(() => {});
  void qmp.closed.then(() => reject(new QnError("QEMU_FAILED", "QEMU ended in the middle of it.")));
  try {
    for (const id of ids) await qmp.execute("device_del", { id });
    await within(gone, deadlineMs, isLate, calledOff);
    for (const id of ids) await qmp.execute("chardev-remove", { id });
  } finally {
    off();
  }
}

// --- internal ---

function isLate(): Error {
  return new QnError("QEMU_FAILED", "The guest does not give the devices of its mounts back.");
}

const listSchema = v.array(v.object({ name: v.string() }));
