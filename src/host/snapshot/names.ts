/** The names of a VM's snapshots: all that `qn ls` needs, which loads little. */
import { readdirSync, statSync } from "node:fs";
import type { VmPaths } from "../layout.ts";

/** The folder of all snapshots of a VM. */
export function snapshotsFolder(paths: VmPaths): string {
  return `${paths.folder}/snapshots`;
}

/** The name of each snapshot of a VM, at once, and looking into none: `qn ls` asks for every VM. */
export function snapshotNames(paths: VmPaths): readonly string[] {
  const folder = snapshotsFolder(paths);
  if (statSync(folder, { throwIfNoEntry: false }) === undefined) return [];
  return readdirSync(folder)
    .filter((name) => !name.startsWith("."))
    .toSorted();
}
