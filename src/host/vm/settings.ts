/** The settings that a VM has now: all of it that `qn status` and `qn ls` need, who load nothing of a start. */
import { cpus, totalmem } from "node:os";
import { lazily } from "../../base/lazily.ts";
import { readTextAtOnce } from "../../system/files-at-once.ts";
import { ownArch, ownHome } from "../../system/platform.ts";
import { type Loaded, loadConfig, loaderOf } from "../config/load.ts";
import type { ConfigInput } from "../config/schema.ts";
import type { HostSize } from "../config/setting.ts";
import type { Layout, VmPaths } from "../layout.ts";

/** The variables of the environment that qn reads. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The effective settings of a VM, whether or not it has a file yet; `own` is what its file would say instead of what it
 * does, `common` that of all VMs. Throws CONFIG_INVALID.
 */
export async function effectiveConfig(
  paths: VmPaths,
  env: Environment,
  flags: ConfigInput = {},
  own: string = readTextAtOnce(paths.config) ?? "",
  common: string = readTextAtOnce(paths.commonConfig) ?? "",
): Promise<Loaded> {
  const files = [
    { path: paths.commonConfig, text: common },
    { path: paths.config, text: own },
  ];
  return loadConfig({ host: hostSize(), files, env, flags });
}

/**
 * What gives the effective settings of each VM of a QN_HOME, for lists: what the VMs share is read once. Throws
 * CONFIG_INVALID, and so does what it gives.
 */
export function settingsReader(commonConfig: string, env: Environment): (paths: VmPaths) => Loaded {
  const files = [{ path: commonConfig, text: readTextAtOnce(commonConfig) ?? "" }];
  const load = loaderOf({ host: hostSize(), files, env, flags: {} });
  return ({ config: path }) => load({ path, text: readTextAtOnce(path) ?? "" });
}

/** The effective settings of whatever is about no VM. Throws CONFIG_INVALID. */
export async function commonConfig({ config: path }: Layout, env: Environment): Promise<Loaded> {
  return loadConfig({ host: hostSize(), files: [{ path, text: readTextAtOnce(path) ?? "" }], env, flags: {} });
}

// --- internal ---

/** What this machine has does not change while qn runs, and `qn ls` asks once for each VM. */
const hostSize: () => HostSize = lazily(() => ({
  arch: ownArch(),
  cpus: cpus().length,
  memoryMiB: Math.floor(totalmem() / 1024 / 1024),
  homeFolder: ownHome(),
  os: process.platform === "darwin" ? "darwin" : "linux",
}));
