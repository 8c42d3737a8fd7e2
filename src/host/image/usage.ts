/**
 * Which images the VMs of a QN_HOME need: told by the notes in their folders, so that it holds for those that are
 * stopped, too.
 */
import { join } from "node:path";
import { isErrno } from "../../system/errno.ts";
import { namesIn, readTextIfThere } from "../../system/files.ts";
import { isVmName, layoutOf } from "../layout.ts";

/** What an image is to a VM: what its system disk lies on, what it goes back to, or what a snapshot of it lies on. */
export type ImageUse = { readonly vm: string; readonly as: "system disk" | "before" | "snapshot" };

/**
 * Who needs which image, by address. A note that cannot be understood counts for every address in it. Throws the
 * system's error for one that cannot be read: who removes images must not guess.
 */
export async function imageUses(home: string): Promise<ReadonlyMap<string, readonly ImageUse[]>> {
  const uses = new Map<string, ImageUse[]>();
  const note = (id: string, vm: string, as: ImageUse["as"]): void => {
    const known = uses.get(id) ?? [];
    if (!known.some((use) => use.vm === vm && (use.as === as || as === "before"))) uses.set(id, [...known, { vm, as }]);
  };
  const layout = layoutOf(home);
  const names = (await namesIn(home)).toSorted().filter((name) => isVmName(name));
  const named = names.map((vm) => ({ vm, folder: join(home, vm) }));
  const throwaways = (await namesIn(layout.throwaways)).map((id) => ({
    vm: "template of qn run",
    folder: layout.throwaway(id).folder,
  }));
  for (const { vm, folder } of [...named, ...throwaways]) {
    const record = (await readTextIfThere(join(folder, vmImagesFile)).catch(ifNoFolder)) ?? "";
    const origin = (await readTextIfThere(join(folder, "system.qcow2.origin")).catch(ifNoFolder)) ?? "";
    for (const id of [...idsOf(origin), ...currentOf(record)]) note(id, vm, "system disk");
    for (const snapshot of (await namesIn(join(folder, "snapshots")).catch(ifNoFolder)) ?? []) {
      const noted = await readTextIfThere(join(folder, "snapshots", snapshot, "system.qcow2.origin")).catch(ifNoFolder);
      for (const id of idsOf(noted ?? "")) note(id, vm, "snapshot");
    }
    for (const id of idsOf(record)) note(id, vm, "before");
  }
  return uses;
}

/** The name of the file in a VM's folder that says which images it has and had (`vm-images.ts`). */
export const vmImagesFile = "images.json";

// --- internal ---

function idsOf(text: string): readonly string[] {
  return text.match(/\b[0-9a-f]{64}\b/g) ?? [];
}

function currentOf(record: string): readonly string[] {
  const current = /"current":\s*"([0-9a-f]{64})"/.exec(record)?.[1];
  return current === undefined ? [] : [current];
}

/** What has a VM's name and is no folder. */
function ifNoFolder(error: unknown): undefined {
  if (isErrno(error, "ENOTDIR")) return undefined;
  throw error;
}
