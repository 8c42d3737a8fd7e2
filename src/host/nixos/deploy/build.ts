/** From a flake's attribute to a system in the guest's store: evaluated here, built in the guest or here. */
import { QnError } from "../../../base/errors.ts";
import type { VmPaths } from "../../layout.ts";
import { builtIn, nix, nixBuild, nixStore } from "../nix.ts";
import type { DeployGuest } from "./guest-script.ts";
import type { Target } from "./target.ts";

/** Where a system is built. */
export const builders = ["guest", "host"] as const;
export type Builder = (typeof builders)[number];

/** What is needed to bring a system into the guest. */
export type BuildOptions = {
  readonly paths: VmPaths;
  readonly guest: DeployGuest;
  readonly target: Target;
  readonly builder: Builder;
  readonly signal: AbortSignal;
  /** Hears what Nix says while it works, line by line. */
  readonly onLine: (line: string) => void;
};

/**
 * The path of the system, which is in the guest's store then. Throws TOOL_MISSING without Nix, DEPLOY_FAILED with Nix's
 * last words.
 */
export async function bringSystem({ paths, guest, target, builder, signal, onLine }: BuildOptions): Promise<string> {
  const call = {
    vm: paths,
    signal,
    onLine,
    failed: (message: string, details: readonly string[]) => new QnError("DEPLOY_FAILED", message, { details }),
  };
  // What was built here has no signature, and root there takes it without one.
  const copyOf = (path: string): readonly string[] => ["copy", "--no-check-sigs", "--to", nixStore(paths), path];
  if ("path" in target) {
    const has = await guest.attempt(["has", target.path]);
    if (has?.exitCode !== 0) await nix(copyOf(target.path), call);
    return target.path;
  }
  const path = await nixBuild([...(builder === "guest" ? builtIn(paths) : []), target.installable], call);
  if (builder === "host") await nix(copyOf(path), call);
  return path;
}
