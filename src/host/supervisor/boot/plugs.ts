/** Mounts of virtiofs are unplugged while the VM is saved, which QEMU 7.2 cannot with them (docs/decisions.md#d310). */
import { messageOf, QnError } from "../../../base/errors.ts";
import { shareSocket } from "../../layout.ts";
import { portOf, virtiofsDevice, virtiofsProperties } from "../../qemu/devices.ts";
import { deviceIds, plugIn, unplug } from "../../qmp/plug.ts";
import type { SuperviseOptions } from "../options.ts";
import type { BootRecord, Served } from "./boot.ts";
import type { LostShares } from "./lost-shares.ts";
import type { Qemu } from "./qemu.ts";
import { type Servers, startVirtiofs } from "./virtiofs.ts";
import { speaking } from "./voice.ts";

/** A guest whose processors are emulated on a busy machine takes seconds, another one tenths of one. */
const unplugMs = 30_000;

/**
 * Has the guest give the devices back, whose servers end with that. Throws SUSPEND_REFUSED when it does not, and the
 * reason of `calledOff`; some may be gone then, and a `Plug` brings them back.
 */
export async function unplugServed(qemu: Qemu, { served = [] }: BootRecord, calledOff: AbortSignal): Promise<void> {
  try {
    const tags = served.map(({ tag }) => tag);
    const ids = await deviceIds(qemu.qmp);
    await unplug(
      qemu.qmp,
      tags.filter((tag) => ids.has(tag)),
      unplugMs,
      calledOff,
    );
  } catch (cause) {
    calledOff.throwIfAborted();
    const why = cause instanceof QnError ? cause.message : "";
    throw new QnError("SUSPEND_REFUSED", `The VM cannot be suspended now. ${why}`, { cause });
  }
}

/**
 * Plugs in what of the boot's mounts is not, each with a server that waits for it or a new one: after a load, a save
 * that was given up, or a supervisor that died in between. Never rejects.
 */
export type Plug = (qemu: Qemu, boot: BootRecord, waiting?: Servers) => Promise<void>;

/** Warns of what cannot be plugged in, which is missing until the VM starts anew. */
export function plugger(options: Options, lost: LostShares, warn: (text: string) => void): Plug {
  return async (qemu, { served = [] }, waiting) => {
    await plugMissing(qemu, served, options, lost, waiting).catch((error: unknown) => {
      warn(`Mounts are missing until \`qn restart\`. ${messageOf(error)}`);
    });
  };
}

// --- internal ---

type Options = Pick<SuperviseOptions, "paths" | "self">;

async function plugMissing(
  qemu: Qemu,
  served: readonly Served[],
  { paths, self }: Options,
  lost: LostShares,
  waiting?: Servers,
): Promise<void> {
  if (served.length === 0) return;
  // One that does not answer has ended, and whoever waits for that tells of it.
  const ids = await deviceIds(qemu.qmp).catch(() => new Set<string>());
  const missing = served.filter(({ tag }) => ids.has(portOf(tag)) && !ids.has(tag));
  const started = async (share: Served): Promise<Servers> => {
    lost.renew(share);
    return await speaking(paths, async (fd) => {
      return await startVirtiofs({ served: [share], self }, paths, { fd, heard: () => qemu.heard() }, lost.listener());
    });
  };
  // One that does not start leaves the others their folders.
  const plug = async (share: Served): Promise<void> => {
    const servers = waiting?.tags.has(share.tag) === true ? waiting : await started(share);
    const device = { driver: virtiofsDevice, ...virtiofsProperties(share.tag) };
    await plugIn(qemu.qmp, device, shareSocket(paths, share.tag)).catch((error: unknown) => {
      servers.stop();
      throw error;
    });
  };
  const failed = (await Promise.allSettled(missing.map(plug))).find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
}
