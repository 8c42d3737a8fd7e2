/** Starts QEMU with the processes that serve its shares. */
import { QnError } from "../../../base/errors.ts";
import type { Prepared } from "../../vm/prepare.ts";
import type { SuperviseOptions } from "../options.ts";
import { type BootRecord, recordQemu } from "./boot.ts";
import { makeBoot } from "./make.ts";
import { type Qemu, startQemu } from "./qemu.ts";
import { startVirtiofs } from "./virtiofs.ts";
import { newVoice } from "./voice.ts";

/**
 * What calls the start off, and who hears of a server that has ended before QEMU: programs in the guest wait for its
 * share.
 */
export type LaunchOptions = {
  readonly signal: AbortSignal;
  readonly onLostShare: (path: string) => void;
};

/** What runs, and the boot that it was started for. */
export type Launched = { readonly boot: BootRecord; readonly qemu: Qemu };

/**
 * Starts it for `first`, and for a boot with other ports when somebody took one of its ports in the moment between the
 * choice and QEMU. No server is left when that fails. Throws what `startVirtiofs` and `startQemu` throw.
 */
export async function launchQemu(
  supervise: SuperviseOptions,
  prepared: Prepared,
  first: BootRecord,
  options: LaunchOptions,
): Promise<Launched> {
  for (let boot = first, tries = 1; ; tries += 1) {
    try {
      return { boot, qemu: await launchOnce(supervise, prepared, boot, options) };
    } catch (error) {
      if (options.signal.aborted || tries === launchesMax || !hasLostPort(error)) throw error;
    }
    boot = await makeBoot(supervise, prepared);
  }
}

/**
 * Starts it for this boot and no other. No server is left when that fails. `more` are further words for QEMU, and
 * `inherited` descriptors that it has from 3 on. Throws what `startVirtiofs` and `startQemu` throw.
 */
export async function launchOnce(
  { paths, self }: SuperviseOptions,
  prepared: Prepared,
  boot: BootRecord,
  { signal, onLostShare }: LaunchOptions,
  more: readonly string[] = [],
  inherited: readonly number[] = [],
): Promise<Qemu> {
  const voice = newVoice(paths);
  try {
    const servers = await startVirtiofs({ ...prepared, self }, paths, voice, ({ path }) => onLostShare(path));
    const qemu = await startQemu([...boot.argv, ...more], paths, voice, signal, inherited).catch((error: unknown) => {
      servers.stop();
      throw error;
    });
    // Before anything else: should this supervisor die, only the record says which process to end.
    await recordQemu(paths, boot, qemu.pid);
    return qemu;
  } catch (error) {
    voice.close();
    throw error;
  }
}

/** Tells a person of a server that has ended before QEMU, with which it ends in any case. */
export function lostShareTeller(
  qemu: () => Qemu | undefined,
  warn: (text: string) => void,
): LaunchOptions["onLostShare"] {
  return (path) => {
    const lost = `The server of virtiofs has ended for the mount ${path}, which hangs until \`qn restart\`.`;
    const status = qemu()?.qmp.execute("query-status");
    void status?.then(() => warn(lost)).catch(() => {});
  };
}

// --- internal ---

/** Bad luck strikes once in some thousand boots; whatever strikes three times in a row is something else. */
const launchesMax = 3;

/** What QEMU says of a port of the host that it cannot have (net/slirp.c). */
const lostPort = "Could not set up host forwarding rule";

function hasLostPort(error: unknown): boolean {
  return error instanceof QnError && error.details.some((line) => line.includes(lostPort));
}
