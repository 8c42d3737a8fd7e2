/** Starts QEMU with the daemons that serve its shares. */
import type { VmPaths } from "../../layout.ts";
import type { Prepared } from "../../vm/prepare.ts";
import { type BootRecord, recordQemu } from "./boot.ts";
import { type Qemu, startQemu } from "./qemu.ts";
import { startVirtiofs } from "./virtiofs.ts";

/**
 * What calls the start off, and who hears of a daemon that has ended before QEMU: programs in the guest wait for its
 * share.
 */
export type LaunchOptions = {
  readonly signal: AbortSignal;
  readonly onLostShare: (path: string) => void;
  readonly warn: (text: string) => void;
};

/** Starts it; no daemon is left when that fails. Throws what `startVirtiofs` and `startQemu` throw. */
export async function launchQemu(
  prepared: Prepared,
  boot: BootRecord,
  paths: VmPaths,
  { signal, onLostShare, warn }: LaunchOptions,
): Promise<Qemu> {
  const daemons = await startVirtiofs(prepared, paths, { onEnd: ({ path }) => onLostShare(path), warn });
  const qemu = await startQemu(boot.argv, paths, signal).catch((error: unknown) => {
    daemons.stop();
    throw error;
  });
  // Before anything else: should this supervisor die, only the record says which process to end.
  await recordQemu(paths, boot, qemu.pid);
  return qemu;
}
