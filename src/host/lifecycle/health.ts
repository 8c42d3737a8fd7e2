/** The health check: whether Docker answers through a VM's socket. */
import { dockerApi } from "../../system/docker-api.ts";
import type { VmPaths } from "../layout.ts";
import type { Environment } from "../vm/settings.ts";
import { statusOfVm } from "./status.ts";

/** How long one look may take. */
const lookMs = 10_000;

/**
 * True when the supervisor has its guest and Docker answers now, through the host's own socket: as the next command
 * finds it.
 */
export async function dockerAnswers(paths: VmPaths, env: Environment): Promise<boolean> {
  if ((await statusOfVm(paths, env)).state !== "running") return false;
  try {
    await dockerApi(paths.dockerSocket).ping(AbortSignal.timeout(lookMs));
    return true;
  } catch {
    return false;
  }
}
