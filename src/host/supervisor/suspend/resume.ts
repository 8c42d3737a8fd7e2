/** Lets a suspended VM go on where it was. */
import { messageOf, QnError } from "../../../base/errors.ts";
import { rests } from "../../config/idle-time.ts";
import { writeSshConfig } from "../../integrate/ssh-config.ts";
import type { VmPaths } from "../../layout.ts";
import { incomingArgs, qemuArgs } from "../../qemu/args.ts";
import { goOn } from "../../qmp/migrate.ts";
import { bootPorts, type BootRecord, toldToGuest, withSshDoor, writeBootFiles } from "../boot/boot.ts";
import { proxySettings } from "../boot/proxy.ts";
import { launchIncoming, type LaunchOptions, type Waiting } from "../boot/launch.ts";
import type { Qemu } from "../boot/qemu.ts";
import type { Servers } from "../boot/virtiofs.ts";
import type { SuperviseOptions } from "../options.ts";
import type { Prepared } from "../../vm/prepare.ts";
import { giveUp, isSuspended, sweep, take } from "./files.ts";
import { misfit, type Present } from "./fit.ts";
import { cpuIdentity, diskIdentities, toldOf } from "./identity.ts";
import { type Launch, loadedQemu } from "./load.ts";
import { type Head, readHead } from "./state.ts";

/** A guest that goes on, and the servers that its mounts will have. */
export type Resumed = Waiting & { readonly boot: BootRecord };

/**
 * Resumes the VM if it is suspended. Nothing when it is not, when it cannot go on, of which `warn` tells, and when
 * the start is called off, after which it is suspended as before: then nothing of it runs.
 */
export async function resumeVm(
  options: SuperviseOptions,
  prepared: Prepared,
  launching: LaunchOptions,
  warn: (text: string) => void,
): Promise<Resumed | undefined> {
  const { paths } = options;
  if (await sweep(paths))
    warn("It ended while it was being suspended or resumed, and starts anew, as after a power cut.");
  if (!(await isSuspended(paths))) return undefined;
  let why: string | undefined;
  try {
    const head = await readHead(paths.suspended);
    why = head === undefined ? "its saved state is not whole" : misfit(head, await presentOf(options, prepared, head));
    if (head !== undefined && why === undefined) {
      const resumed = await goOnFrom(options, prepared, head, launching);
      // To let go of half a gigabyte takes a file system a tenth of a second, and nobody has to wait for it.
      void sweep(paths).catch((error: unknown) => warn(messageOf(error)));
      return resumed;
    }
  } catch (error) {
    if (launching.signal.aborted) return undefined;
    why = messageOf(error).replace(/\.$/, "");
  }
  await giveUp(paths);
  warn(`It cannot be resumed and starts anew, as after a power cut, because ${why}.`);
  return undefined;
}

/**
 * Starts QEMU for this boot, with a guest that stands still as it was saved in a file. Nothing is left when
 * that fails. Throws QEMU_FAILED, and INTERRUPTED when the start is called off.
 */
export async function loadInto(
  options: SuperviseOptions,
  { spec }: Prepared,
  boot: BootRecord,
  launching: LaunchOptions,
  state: Pick<VmPaths, "suspended"> & Pick<Head, "stream" | "memory">,
): Promise<Waiting> {
  const { signal } = launching;
  const argv = incomingArgs(spec, bootPorts(boot));
  let servers: Servers | undefined;
  const launch: Launch = async (inherited) => {
    servers?.stop();
    const waiting = await launchIncoming(options, boot, { argv, inherited }, launching);
    servers = waiting.servers;
    return waiting.qemu;
  };
  const { suspendSocket } = options.paths;
  let qemu: Qemu;
  try {
    qemu = await loadedQemu({ ...state, suspendSocket, argv }, spec, launch, signal);
  } catch (error) {
    servers?.stop();
    throw error;
  }
  if (!signal.aborted) return { qemu, servers };
  servers?.stop();
  await qemu.kill();
  throw new QnError("INTERRUPTED", "The start was called off.");
}

/** Why nobody can go on from the template's state as it is now, as the end of a sentence; nothing where that can be. */
export async function templateMisfit(
  options: Pick<SuperviseOptions, "layout" | "paths" | "env">,
  prepared: Prepared,
  head: Head,
): Promise<string | undefined> {
  const { layout, paths, env } = options;
  const told = toldOf(await toldToGuest(layout, paths, head.boot, prepared, proxySettings(env)));
  return misfit(head, await presentWith(told, prepared, head));
}

// --- internal ---

/** What is there now; the files of the boot are those of the one that was suspended then. */
async function presentOf(options: SuperviseOptions, prepared: Prepared, head: Head): Promise<Present> {
  const { boot } = head;
  const { layout, paths, env } = options;
  const told = toldOf(await writeBootFiles(layout, paths, boot, prepared, proxySettings(env)));
  await writeSshConfig(layout, paths, boot.sshPort, prepared.config);
  return await presentWith(told, prepared, head);
}

async function presentWith(told: string, { spec, image }: Prepared, { boot }: Head): Promise<Present> {
  return {
    qemu: spec.qemu.version,
    image: image.id,
    cpu: await cpuIdentity(),
    told,
    argv: qemuArgs(spec, bootPorts(boot)),
    disks: await diskIdentities(spec),
  };
}

async function goOnFrom(
  options: SuperviseOptions,
  prepared: Prepared,
  { boot: before, stream, memory }: Head,
  launching: LaunchOptions,
): Promise<Resumed> {
  const { paths } = options;
  const isDoor = launching.doorPort() !== undefined || rests(prepared.config.idle);
  const boot = isDoor ? withSshDoor(before, (ports) => qemuArgs(prepared.spec, ports)) : before;
  const state = { suspended: paths.suspended, stream, memory };
  const { qemu, servers } = await loadInto(options, prepared, boot, launching, state);
  launching.onGoingOn();
  try {
    // Before the guest writes anything: from here on the state and the disks part.
    await take(paths);
    await goOn(qemu.qmp);
  } catch (error) {
    servers?.stop();
    await qemu.kill();
    throw error;
  }
  return { boot, qemu, servers };
}
