/** The setting `flake`: `/folder#name`, or none. */
import type { VmConfig } from "./schema.ts";

/**
 * Where the guest sees a flake that is in none of its shares: not at its own path, which is in the guest's own folders
 * when the flake is a part of the host's configuration (`/etc`, `/nix/store`).
 */
export const flakeAside = "/run/qn/machines";

/** The flake's folder on the host, and the name of the system in it; nothing when the setting is none. */
export function flakeIn(setting: VmConfig["flake"]): { readonly folder: string; readonly name: string } | undefined {
  const [folder = "", name] = setting.split("#", 2);
  return name === undefined ? undefined : { folder, name };
}
