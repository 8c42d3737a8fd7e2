/**
 * Which file a disk of data is now: the raw one of its own name, or, where a snapshot could not share its blocks, an
 * overlay in the folder of its layers. The name says the format, never the content, which is a guest's.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { isThere } from "../../system/files.ts";

/** How a disk's file is read. */
export type DiskFormat = "raw" | "qcow2";

/** A disk's file. */
export type DiskFile = { readonly path: string; readonly format: DiskFormat };

/** The folder of the layers of the disk whose raw file is `raw`; it goes where that goes. */
export function layersFolder(raw: string): string {
  return raw.replace(/\.raw$/, ".layers");
}

/** The disk's overlay, which counts where there is one, whatever else there is. */
export function liveOverlay(raw: string): string {
  return join(layersFolder(raw), "live.qcow2");
}

/** What the guest's writes go to. The file need not be there: a new VM has none. */
export async function liveDisk(raw: string): Promise<DiskFile> {
  const overlay = liveOverlay(raw);
  return (await isThere(overlay)) ? { path: overlay, format: "qcow2" } : { path: raw, format: "raw" };
}

/** True when there is data in either form. */
export async function hasDisk(raw: string): Promise<boolean> {
  return (await isThere(raw)) || (await isThere(liveOverlay(raw)));
}

/** Removes what the disk holds now, and leaves the layers that snapshots hold; fine when there is none. */
export async function removeDisk(raw: string): Promise<void> {
  await rm(liveOverlay(raw), { force: true });
  await rm(raw, { force: true });
}
