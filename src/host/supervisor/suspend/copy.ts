/** Lets a throw-away VM go on from its template's state: a copy, since the template stays as it is. */
import { QnError } from "../../../base/errors.ts";
import { writeFileAtomically } from "../../../system/files.ts";
import type { VmPaths } from "../../layout.ts";
import { qemuArgs } from "../../qemu/args.ts";
import { goOn } from "../../qmp/migrate.ts";
import type { Prepared } from "../../vm/prepare.ts";
import { bootPorts, type BootRecord, newBoot, writeBootFiles } from "../boot/boot.ts";
import { hasLostPort, type LaunchOptions } from "../boot/launch.ts";
import { proxySettings } from "../boot/proxy.ts";
import type { Qemu } from "../boot/qemu.ts";
import type { SuperviseOptions } from "../options.ts";
import { renewGuest } from "../seam/renewal.ts";
import { loadInto, type Resumed, resumeVm } from "./resume.ts";
import { type Head, readHead } from "./state.ts";

/** As `resumeVm`; a throw-away VM goes on from its template, or not at all. Throws QEMU_FAILED and what QEMU says. */
export async function goOnVm(
  options: SuperviseOptions,
  prepared: Prepared,
  launching: LaunchOptions,
  warn: (text: string) => void,
): Promise<Resumed | undefined> {
  const { template, paths } = options;
  if (template === undefined || template.folder === paths.folder) {
    return await resumeVm(options, prepared, launching, warn);
  }
  const head = await readHead(template.suspended).catch(() => undefined);
  if (head === undefined) throw new QnError("QEMU_FAILED", `The template ${template.folder} is not whole.`);
  return await copyOf(options, prepared, template, head, launching);
}

// --- internal ---

/** Ten that start at once, with 24 ports to choose from, meet more often than VMs that people start. */
const triesMax = 10;

async function copyOf(
  options: SuperviseOptions,
  prepared: Prepared,
  template: VmPaths,
  { boot: before, stream }: Head,
  launching: LaunchOptions,
): Promise<Resumed> {
  const { signal } = launching;
  const { layout, paths, env, version } = options;
  // Docker has read its ports when it started, in the template.
  await writeFileAtomically(paths.portRange, JSON.stringify(before.dockerPorts));
  for (let tries = 1; ; tries += 1) {
    const ports = await newBoot(layout, paths);
    const argv = [...qemuArgs(prepared.spec, bootPorts(ports))];
    const boot: BootRecord = { ...ports, argv };
    const told = await writeBootFiles(layout, paths, boot, prepared, proxySettings(env));
    let qemu: Qemu;
    try {
      ({ qemu } = await loadInto(options, prepared, boot, launching, { suspended: template.suspended, stream }));
    } catch (error) {
      if (signal.aborted || tries === triesMax || !hasLostPort(error)) throw error;
      continue;
    }
    try {
      await goOn(qemu.qmp);
      const secret = Buffer.from(before.secret, "hex");
      await renewGuest({ port: boot.gatePort, secret }, version, told, signal);
      return { boot, qemu, servers: undefined };
    } catch (error) {
      await qemu.kill();
      throw error;
    }
  }
}
