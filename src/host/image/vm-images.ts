/**
 * Which image a VM has, and which it had before: one small file, written in one step before anything follows from it.
 * Its system disk is made to fit at the next start, so that a qn that is killed has changed all of it or nothing.
 */
import { basename, dirname, join } from "node:path";
import * as v from "valibot";
import { QnError } from "../../base/errors.ts";
import { isThere, readTextIfThere, writeFileAtomically } from "../../system/files.ts";
import { awaitLock, lockFolder } from "../../system/kernel/lock.ts";
import type { VmPaths } from "../layout.ts";
import { idOfFolder } from "./address.ts";
import type { StoredImage } from "./store.ts";
import { vmImagesFile } from "./usage.ts";

const id = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "is no image's address"));

const schema = v.object({
  /** The image that the system disk lies on, or will at the next start. */
  current: id,
  /** What the settings called it. */
  name: v.nullable(v.string()),
  /** What it was before, to go back to. */
  previous: v.nullable(id),
  /** What its name led to when the VM went back: not taken again, while a newer one is. */
  declined: v.nullable(id),
});

/** What is known of a VM's images, by address. */
export type VmImages = v.InferOutput<typeof schema>;

/** What is known of the VM's images; of a VM that an older qn has made, its present one. Nothing of a new VM. */
export async function readVmImages(paths: VmPaths): Promise<VmImages | undefined> {
  const text = await readTextIfThere(fileOf(paths));
  try {
    if (text !== undefined) return v.parse(schema, JSON.parse(text));
  } catch {
    // What cannot be understood says no more than what an older qn has left.
  }
  const origin = (await readTextIfThere(systemDiskOrigin(paths)))?.trim();
  return v.is(id, origin) ? { current: origin, name: null, previous: null, declined: null } : undefined;
}

/** Writes what is known of the VM's images, in one step. */
export async function writeVmImages(paths: VmPaths, images: VmImages): Promise<void> {
  await writeFileAtomically(fileOf(paths), `${JSON.stringify(images)}\n`);
}

/**
 * Notes that the VM now has this image, which the settings call `name`; the one that it had is what it was before. From
 * then on nobody removes the image. Throws IMAGE_MISSING when somebody has removed it just before, and VM_BUSY.
 */
export async function claimImage(paths: VmPaths, image: StoredImage, name: string): Promise<void> {
  const isStored = idOfFolder(basename(image.folder)) !== undefined;
  const lock = isStored ? await awaitLock(dirname(image.folder), lockFolder) : undefined;
  try {
    if (!(await isThere(image.disk))) {
      throw new QnError("IMAGE_MISSING", `The image "${name}" was removed just now: ${image.folder} is gone.`);
    }
    const known = await readVmImages(paths);
    const now = withImage(known, image.id, name);
    if (JSON.stringify(known) !== JSON.stringify(now)) await writeVmImages(paths, now);
  } finally {
    lock?.release();
  }
}

/** What is noted beside a system disk: the address of the image that it lies on. */
export function systemDiskOrigin(paths: VmPaths): string {
  return `${paths.systemDisk}.origin`;
}

// --- internal ---

function fileOf({ folder }: VmPaths): string {
  return join(folder, vmImagesFile);
}

function withImage(known: VmImages | undefined, current: string, name: string): VmImages {
  if (known === undefined) return { current, name, previous: null, declined: null };
  if (known.current === current) return { ...known, name };
  return { current, name, previous: known.current, declined: null };
}
