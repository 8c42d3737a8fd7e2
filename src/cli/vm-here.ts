/** Where the commands work: QN_HOME of this user, and the VM that is meant. */
import { homedir } from "node:os";
import { join } from "node:path";
import { type Layout, layoutOf, type VmPaths } from "../host/layout.ts";

/** The layout of this user's QN_HOME. Throws HOME_UNUSABLE. */
export function layoutHere(): Layout {
  const home = process.env["QN_HOME"];
  return layoutOf(home === undefined || home === "" ? join(homedir(), ".qn") : home);
}

/** The layout and the paths of one VM. Throws USAGE for a bad name, HOME_UNUSABLE for a home that is too long. */
export function vmHere(name: string): { layout: Layout; paths: VmPaths } {
  const layout = layoutHere();
  return { layout, paths: layout.vm(name) };
}
