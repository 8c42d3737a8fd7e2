/** Prepares a VM, and fetches its image when that is what it lacks. */
import { QnError } from "../../base/errors.ts";
import type { ConfigInput } from "../config/schema.ts";
import { canPull, pullImage, type PullTold, wayWithoutPull } from "../image/pull/pull.ts";
import type { Layout, VmPaths } from "../layout.ts";
import { type Prepared, prepareVm } from "./prepare.ts";
import { effectiveConfig, type Environment } from "./settings.ts";

/** What of a VM, and who is told when its image is fetched; `signal` calls that off. */
export type PrepareOptions = {
  readonly layout: Layout;
  readonly paths: VmPaths;
  readonly env: Environment;
  readonly flags: ConfigInput;
  readonly signal: AbortSignal;
  readonly pull: PullTold;
  readonly template?: VmPaths | undefined;
};

/**
 * As `prepareVm`; an image that is missing is fetched, once all else is found to be in order, where the settings say.
 * An image that is a folder is somebody else's, and is not. Throws what `prepareVm` and `pullImage` throw.
 */
export async function prepareOrPull({
  layout,
  paths,
  env,
  flags,
  signal,
  pull,
  template,
}: PrepareOptions): Promise<Prepared> {
  try {
    return await prepareVm(layout, paths, env, flags, template);
  } catch (error) {
    if (!(error instanceof QnError) || error.code !== "IMAGE_MISSING") throw error;
    const { config } = await effectiveConfig(paths, env, flags);
    if (config.image.startsWith("/")) throw error;
    if (!canPull(config)) throw new QnError(error.code, error.message, { cause: error, hint: wayWithoutPull });
    await pullImage({ ...pull, layout, settings: config, name: config.image, arch: config.arch, signal });
  }
  return await prepareVm(layout, paths, env, flags, template);
}
