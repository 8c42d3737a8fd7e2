/** What the commands work on: QN_HOME of this user, the VM that is named, and this machine's services. */
import { join } from "node:path";
import type { ServiceHost } from "../host/integrate/service/manage.ts";
import { type Layout, layoutOf, type VmPaths } from "../host/layout.ts";
import { ownHome } from "../system/platform.ts";

/** The layout of this user's QN_HOME. Throws HOME_UNUSABLE. */
export function qnHome(): Layout {
  const home = process.env["QN_HOME"];
  return layoutOf(home === undefined || home === "" ? join(ownHome(), ".qn") : home);
}

/**
 * QN_HOME and the paths of the VM of this name. Throws USAGE for a bad name, HOME_UNUSABLE for a home that is too long.
 */
export function vmNamed(name: string): { readonly layout: Layout; readonly paths: VmPaths } {
  const layout = qnHome();
  return { layout, paths: layout.vm(name) };
}

/** This machine's service manager, in this user's environment. */
export function serviceHost(): ServiceHost {
  return { os: process.platform === "darwin" ? "darwin" : "linux", env: process.env };
}
