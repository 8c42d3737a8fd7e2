/** Starts QEMU with the processes that serve its shares. */
import { closeSync } from "node:fs";
import { QnError } from "../../../base/errors.ts";
import type { VmPaths } from "../../layout.ts";
import type { VmSpec } from "../../qemu/args.ts";
import type { Prepared } from "../../vm/prepare.ts";
import type { SuperviseOptions } from "../options.ts";
import { type BootRecord, recordQemu } from "./boot.ts";
import { newGuestMemory } from "./guest-memory.ts";
import type { LostShares } from "./lost-shares.ts";
import { makeBoot } from "./make.ts";
import { type Qemu, startQemu, type StartOptions } from "./qemu.ts";
import { type Servers, startVirtiofs } from "./virtiofs.ts";
import { newVoice, type Voice } from "./voice.ts";

/**
 * What calls the start off, and who hears of a server that has ended before QEMU: programs in the guest wait for its
 * share.
 */
export type LaunchOptions = {
  readonly signal: AbortSignal;
  readonly lost: LostShares;
  /** Where the supervisor itself listens for sshd's clients, if it does. */
  readonly doorPort: () => number | undefined;
  /** Hears of a suspended guest that is about to go on: from then on nobody finds it suspended as before. */
  readonly onGoingOn: () => void;
};

/** A QEMU that waits for a guest, and the servers that wait for its devices. */
export type Waiting = { readonly qemu: Qemu; readonly servers: Servers | undefined };

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
      return { boot, qemu: await launchOnce(supervise, prepared.spec, boot, options) };
    } catch (error) {
      if (options.signal.aborted || tries === launchesMax || !hasLostPort(error)) throw error;
    }
    boot = await makeBoot(supervise, prepared, options.doorPort());
  }
}

/**
 * Starts QEMU for a guest that is loaded, in the boot that it was saved in: with these words and `inherited`
 * descriptors from 3 on; and beside it the servers that its mounts will have, unless they cannot be started. Throws
 * what `startQemu` throws, and no server is left then.
 */
export async function launchIncoming(
  { paths, self, onQemu }: SuperviseOptions,
  boot: BootRecord,
  incoming: Incoming,
  { signal, lost }: LaunchOptions,
): Promise<Waiting> {
  const { served = [] } = boot;
  served.forEach((share) => lost.renew(share));
  return await withVoice(paths, async (voice) => {
    const [servers, qemu] = await Promise.allSettled([
      startVirtiofs({ served, self }, paths, voice, lost.listener()),
      launch(paths, boot, incoming, voice, { signal, onStarted: onQemu }),
    ]);
    const waiting = servers.status === "fulfilled" ? servers.value : undefined;
    if (qemu.status === "fulfilled") return { qemu: qemu.value, servers: waiting };
    waiting?.stop();
    throw qemu.reason;
  });
}

// --- internal ---

type Incoming = { readonly argv: readonly string[]; readonly inherited: readonly number[] };

async function launchOnce(
  { paths, self, onQemu }: SuperviseOptions,
  { memoryMiB }: Pick<VmSpec, "memoryMiB">,
  boot: BootRecord,
  { signal, lost }: LaunchOptions,
): Promise<Qemu> {
  return await withVoice(paths, async (voice) => {
    const servers = await startVirtiofs({ served: boot.served ?? [], self }, paths, voice, lost.listener());
    try {
      const inherited = newGuestMemory(boot.argv, memoryMiB);
      try {
        return await launch(paths, boot, { argv: boot.argv, inherited }, voice, { signal, onStarted: onQemu });
      } finally {
        inherited.forEach((fd) => closeSync(fd));
      }
    } catch (error) {
      servers.stop();
      throw error;
    }
  });
}

async function launch(
  paths: VmPaths,
  boot: BootRecord,
  { argv, inherited }: Incoming,
  voice: Voice,
  options: Omit<StartOptions, "inherited">,
): Promise<Qemu> {
  const qemu = await startQemu(argv, paths, voice, { ...options, inherited });
  // Before anything else: should this supervisor die, only the record says which process to end.
  await recordQemu(paths, boot, qemu.pid);
  return qemu;
}

/** The voice of the programs of a boot; it is theirs once QEMU runs. */
async function withVoice<Started>(paths: VmPaths, start: (voice: Voice) => Promise<Started>): Promise<Started> {
  const voice = newVoice(paths);
  try {
    return await start(voice);
  } catch (error) {
    voice.close();
    throw error;
  }
}

/** Bad luck strikes once in some thousand boots; whatever strikes three times in a row is something else. */
const launchesMax = 3;

/** What QEMU says of a port of the host that it cannot have (net/slirp.c). */
const lostPort = "Could not set up host forwarding rule";

/** Whether QEMU has not started because somebody took one of its ports just before. */
export function hasLostPort(error: unknown): boolean {
  return error instanceof QnError && error.details.some((line) => line.includes(lostPort));
}
