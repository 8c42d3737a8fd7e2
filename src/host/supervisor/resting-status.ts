/** What `qn status` shows of a VM without a supervisor: apart, so that showing it loads nothing of one. */
import { ownUser } from "../../system/own-user.ts";
import type { VmConfig } from "../config/schema.ts";
import type { VmPaths } from "../layout.ts";
import type { Status } from "./messages.ts";
import { restingSummary } from "./resting-summary.ts";

/** The status of a VM that has no supervisor; whoever knows why it is down says so in `state` and `reason`. */
export function restingStatus(paths: VmPaths, config: VmConfig | undefined): Status {
  return {
    name: paths.name,
    ...restingSummary(config),
    phase: null,
    accel: null,
    memory: { usedBytes: null, residentBytes: null },
    docker: { socket: paths.dockerSocket, context: null, reachable: false },
    ssh: { host: "127.0.0.1", port: null, user: ownUser().name, identityFile: paths.sshKey },
    ports: [],
    mounts: config === undefined ? [] : mountsOf(config),
    qemu: { pid: null, version: null },
    supervisor: { pid: null },
    uptimeMs: 0,
  };
}

// --- internal ---

/**
 * Those of the settings, and what is shared of /tmp: of all of it the parts that are mounts too are no others. Who
 * serves them is found out at a start where the setting is auto.
 */
function mountsOf({ mounts, files }: VmConfig): Status["mounts"] {
  const { tmp } = files;
  const driver = files.driver === "qn" ? "virtiofs" : files.driver;
  const others = mounts.map((mount) => ({ ...mount, driver: mount.security === "mapped-xattr" ? "9p" : driver }));
  if (tmp === "none") return others;
  const path = tmp === "all" ? "/tmp" : tmp;
  // Nothing is believed of all of /tmp (sharesOf).
  const ofTmp = { path, readOnly: false, driver, ...(tmp === "all" && { cache: "none" as const }) };
  return [...others.filter((mount) => mount.path !== path), ofTmp];
}
