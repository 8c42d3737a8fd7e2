/**
 * Makes everything that one boot needs before QEMU is started: disks, ports, secret, credentials, the way in by ssh.
 */
import { rests } from "../../config/idle-time.ts";
import { writeSshConfig } from "../../integrate/ssh-config.ts";
import { qemuArgs } from "../../qemu/args.ts";
import type { Prepared } from "../../vm/prepare.ts";
import { answersIn } from "../../vm/shares.ts";
import type { SuperviseOptions } from "../options.ts";
import { bootPorts, type BootRecord, newBoot, writeBootFiles } from "./boot.ts";
import { makeDisks } from "./disks.ts";
import { proxySettings } from "./proxy.ts";

/**
 * Makes them; the record has QEMU's command line. `doorPort` is where the supervisor listens for sshd's clients
 * already. Throws DISK_FAILED and the system's errors.
 */
export async function makeBoot(options: SuperviseOptions, prepared: Prepared, doorPort?: number): Promise<BootRecord> {
  const { layout, paths, env } = options;
  await makeDisks(paths, prepared);
  const isDoor = doorPort !== undefined || rests(prepared.config.idle);
  const ports = await newBoot(layout, paths, { isDoor, port: doorPort });
  const argv = [...qemuArgs(prepared.spec, bootPorts(ports))];
  const served = prepared.shares
    .filter(({ driver }) => driver === "virtiofs")
    .map((share) => ({ ...share, answers: answersIn(share, prepared.config.files.listen) }));
  const boot: BootRecord = { ...ports, argv, served };
  await writeBootFiles(layout, paths, boot, prepared, proxySettings(env));
  await writeSshConfig(layout, paths, boot.sshPort, prepared.config);
  return boot;
}
