/** The layers of one disk: files that never change, which snapshots name and overlays lie on. */
import { randomBytes } from "node:crypto";
import { chmod, link, mkdir, rename, rm, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { QnError } from "../../base/errors.ts";
import { isErrno } from "../../system/errno.ts";
import { isThere, namesIn } from "../../system/files.ts";
import { diskFailure, shareBlocks } from "../image/copy-disk.ts";
import { type DiskFormat, layersFolder, liveDisk, liveOverlay } from "../image/live-disk.ts";
import { backingName, isQcow2, qcow2HeadBytes } from "../image/qcow2.ts";
import { qemuImg } from "../image/qemu-img.ts";
import { layerPattern } from "./manifest.ts";

/**
 * Makes what the disk holds now a layer, and gives back its name: a file of the same blocks where the file system can,
 * or else a second name of the disk's own file, which `settleDisk` puts an overlay on. Nothing when there is no disk.
 * Throws DISK_FAILED; a layer that nobody names goes with the next `settleDisk`.
 */
export async function freeze(raw: string): Promise<string | undefined> {
  const live = await liveDisk(raw);
  if (!(await isThere(live.path))) return undefined;
  const folder = layersFolder(raw);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const layer = `${randomBytes(8).toString("hex")}.${live.format}`;
  if (await shareBlocks(live.path, join(folder, layer))) return layer;
  try {
    await link(live.path, join(folder, layer));
  } catch (error) {
    throw await diskFailure(`"${live.path}" cannot be kept`, folder, error);
  }
  // What can fail for want of room is done before the snapshot is there.
  await makeOverlay(folder, layer, next(layer));
  return layer;
}

/** What a disk that begins with a layer's content is called until it is the VM's. */
export const restoredFiles = [".restored.raw", ".restored.qcow2"] as const;
export type RestoredFile = (typeof restoredFiles)[number];

/**
 * Makes a disk that begins with what the layer holds, beside the one there is, and gives back the name of its file in
 * the folder of the layers. Throws DISK_FAILED.
 */
export async function thaw(raw: string, layer: string): Promise<RestoredFile> {
  const folder = layersFolder(raw);
  const shared = formatOf(layer) === "raw" ? ".restored.raw" : ".restored.qcow2";
  await rm(join(folder, shared), { force: true });
  if (await shareBlocks(join(folder, layer), join(folder, shared))) return shared;
  await makeOverlay(folder, layer, ".restored.qcow2");
  return ".restored.qcow2";
}

/**
 * Finishes or takes back what was under way when a command was killed: by what there is, a second name of the disk's
 * file is a layer that a snapshot names, and the disk becomes an overlay on it; or nobody names it, and it goes.
 */
export async function settleDisk(raw: string, named: ReadonlySet<string>): Promise<void> {
  const folder = layersFolder(raw);
  const live = await liveDisk(raw);
  const layers = await layersIn(folder);
  for (const layer of await sameFiles(folder, layers, live.path)) {
    if (!named.has(layer)) {
      await rm(join(folder, layer));
      continue;
    }
    if (!(await isThere(join(folder, next(layer))))) await makeOverlay(folder, layer, next(layer));
    await rename(join(folder, next(layer)), liveOverlay(raw));
  }
  // Its blocks have a name among the layers, or never were the disk's.
  const isOverlay = (await liveDisk(raw)).format === "qcow2";
  if (isOverlay && (await sameFiles(folder, await layersIn(folder), raw)).length > 0) await rm(raw);
  for (const name of await namesIn(folder)) if (name.startsWith(".")) await rm(join(folder, name), { force: true });
}

/** The names of the layers in a folder. */
export async function layersIn(folder: string): Promise<readonly string[]> {
  return (await namesIn(folder)).filter((name) => layerPattern.test(name));
}

/**
 * The layer that a file lies on, which is a sibling of its own; nothing when it lies on none. Throws DISK_FAILED for a
 * file that does not say: what it lies on must not be taken for needless.
 */
export async function layerBelow(path: string): Promise<string | undefined> {
  if (extname(path) !== ".qcow2") return undefined;
  const head = await headOf(path);
  if (!isQcow2(head)) throw new QnError("DISK_FAILED", `"${path}" is no whole qcow2 file.`);
  return backingName(head);
}

/** Whether a layer was made to its end: a command that is killed while it copies leaves an empty file. */
export async function isWhole(path: string): Promise<boolean> {
  return extname(path) !== ".qcow2" || isQcow2(await headOf(path));
}

/** The format of a layer, which its name says. */
export function formatOf(layer: string): DiskFormat {
  return extname(layer) === ".qcow2" ? "qcow2" : "raw";
}

// --- internal ---

function headOf(path: string): Promise<Uint8Array> {
  return Bun.file(path).slice(0, qcow2HeadBytes).bytes();
}

/** The overlay that the disk becomes when its file is that layer. */
const next = (layer: string): string => `.next-${layer}.qcow2`;

/** Makes an overlay in one step. Backing files are named as siblings, so that the folder can be renamed. */
async function makeOverlay(folder: string, layer: string, name: string): Promise<void> {
  // A qemu-img that outlives a killed command still writes to its own.
  const made = `.made-${randomBytes(6).toString("hex")}.qcow2`;
  const words = ["create", "-q", "-f", "qcow2", "-F", formatOf(layer), "-b", layer, made];
  await qemuImg(`An overlay on "${join(folder, layer)}" cannot be made`, folder, words);
  await chmod(join(folder, made), 0o600);
  await rename(join(folder, made), join(folder, name));
}

/** Those of the layers that are one file with `path`. */
async function sameFiles(folder: string, layers: readonly string[], path: string): Promise<readonly string[]> {
  const inode = await inodeOf(path);
  if (inode === undefined) return [];
  const inodes = await Promise.all(layers.map((layer) => inodeOf(join(folder, layer))));
  return layers.filter((_, index) => inodes[index] === inode);
}

async function inodeOf(path: string): Promise<bigint | undefined> {
  try {
    return (await stat(path, { bigint: true })).ino;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}
