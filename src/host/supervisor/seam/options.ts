/** What the seam of one boot goes by: the VM's settings, and what was made for the boot. */
import { laneSockets } from "../../layout.ts";
import { answererFor, resolvConfOf } from "../../names/answer.ts";
import { portRules } from "../../ports/listener-plan.ts";
import type { Prepared } from "../../vm/prepare.ts";
import { remedyOf } from "../../vm/sockets.ts";
import type { BootRecord } from "../boot/boot.ts";
import type { SuperviseOptions } from "../options.ts";
import type { GuestDisks } from "./guest-disks.ts";
import { Provisioning } from "./provision.ts";
import type { SeamOptions } from "./seam.ts";

/** Who hears of what comes of it, the doors, and the disks of the guest. */
type Tell = Pick<SeamOptions, "dispatch" | "onForwards" | "warn" | "log" | "doors"> & {
  readonly onProvision: (step: number, of: number) => void;
  readonly guestDisks: GuestDisks;
};

/** A seam's options, but for what is done once Docker answers. */
export function seamOptions(
  { paths, env, layout, version }: SuperviseOptions,
  { config, shares, sockets }: Prepared,
  boot: BootRecord,
  { guestDisks, ...tell }: Tell,
): Omit<SeamOptions, "onDocker"> {
  return {
    ...tell,
    paths,
    version,
    watched: {
      shared: shares.map(({ path }) => path),
      hidden: layout.home,
      mark: paths.changesMark,
      ...config.changes,
    },
    resolvConf: resolvConfOf(env),
    answer: answererFor(config.network.reach, env, tell.log),
    rules: portRules(config.ports),
    dockerPorts: boot.dockerPorts,
    key: { port: boot.gatePort, secret: Buffer.from(boot.secret, "hex"), lanes: laneSockets(paths) },
    disks: { volumes: config.volumes.length, guest: guestDisks },
    provisioning: new Provisioning(config.provision.length, tell),
    caCertificates: config.docker.caCertificates,
    sockets: { sockets, setting: config.files.sockets, remedyFor: remedyOf(config, shares, layout.home) },
  };
}
