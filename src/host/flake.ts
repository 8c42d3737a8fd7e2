/** The setting `flake`: `/folder#name`, or none. */
import type { Share, VmConfig } from "./config/schema.ts";

/** The flake's folder on the host, and the name of the system in it; nothing when the setting is none. */
export function flakeIn(setting: VmConfig["flake"]): { readonly folder: string; readonly name: string } | undefined {
  const [folder = "", name] = setting.split("#", 2);
  return name === undefined ? undefined : { folder, name };
}

/** The shares with the flake's folder among them: read-only, unless it is visible already. */
export function withFlake(mounts: readonly Share[], setting: VmConfig["flake"]): readonly Share[] {
  const flake = flakeIn(setting);
  if (flake === undefined) return mounts;
  const isVisible = mounts.some(({ path }) => `${flake.folder}/`.startsWith(path === "/" ? "/" : `${path}/`));
  return isVisible ? mounts : [...mounts, { path: flake.folder, readOnly: true }];
}
