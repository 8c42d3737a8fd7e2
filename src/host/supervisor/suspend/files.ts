/**
 * The names that a saved state has in its life: a part while it is written, then the state, and taken from the moment
 * that a guest goes on from it. A guest must never go on twice from the same state: its disks are others by then.
 */
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { isThere } from "../../../system/files.ts";
import type { VmPaths } from "../../layout.ts";

/** Where a state is written. */
export function partOf({ suspended }: VmPaths): string {
  return `${suspended}.part`;
}

/** Whether a state waits for its VM. */
export async function isSuspended({ suspended }: VmPaths): Promise<boolean> {
  return await isThere(suspended);
}

/** Makes the part the state, on the disk too. */
export async function commitPart(paths: VmPaths): Promise<void> {
  await rename(partOf(paths), paths.suspended);
  await syncFolder(paths);
}

/** Takes the state, on the disk too: whatever happens from now on, nobody goes on from it again. */
export async function take(paths: VmPaths): Promise<void> {
  await rename(paths.suspended, takenOf(paths));
  await syncFolder(paths);
}

/** Removes what somebody has left who was killed while a guest was saved or went on; true when there was something. */
export async function sweep(paths: VmPaths): Promise<boolean> {
  const left = [partOf(paths), takenOf(paths)];
  const wasThere = (await Promise.all(left.map(isThere))).some(Boolean);
  for (const path of left) await rm(path, { force: true });
  return wasThere;
}

/** Gives the state up, and all that is left of one; true when there was one. */
export async function giveUp(paths: VmPaths): Promise<boolean> {
  const was = await isSuspended(paths);
  await rm(paths.suspended, { force: true });
  await sweep(paths);
  return was;
}

// --- internal ---

function takenOf({ suspended }: VmPaths): string {
  return `${suspended}.taken`;
}

async function syncFolder({ suspended }: VmPaths): Promise<void> {
  await using folder = await open(dirname(suspended), "r");
  await folder.sync();
}
