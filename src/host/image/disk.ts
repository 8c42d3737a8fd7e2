/** Makes a VM's disks: the system disk, an overlay on an image, and the sparse ones of its own that only ever grow. */
import { randomBytes } from "node:crypto";
import { open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { QnError } from "../../base/errors.ts";
import { byteSize } from "../../base/words.ts";
import { dataDisk } from "../../protocol/disks.ts";
import { run } from "../../system/process.ts";
import { type DiskFile, liveDisk } from "./live-disk.ts";
import { qcow2HeadBytes, virtualBytes } from "./qcow2.ts";
import { qemuImg } from "./qemu-img.ts";

const gibibyte = 1024 ** 3;

/**
 * Makes a qcow2 overlay at `path` on the image's disk `backing` (an absolute path), in one step: there is a whole file
 * or none. It is as large as the image; the guest grows its root when it finds more. Throws TOOL_MISSING without
 * qemu-img, DISK_FAILED with what qemu-img says.
 */
export async function makeSystemDisk(path: string, backing: string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const command = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", backing, temporary];
    const { exitCode, stderr } = await run(command);
    if (exitCode !== 0) {
      throw new QnError("DISK_FAILED", `The system disk "${path}" cannot be made: ${stderr.trim()}.`);
    }
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** A disk of a VM's own: its name, its file, and the size that it should have. */
export type SizedDisk = { readonly name: string; readonly path: string; readonly sizeGiB: number };

/** The size that a disk should have, in bytes. */
export function bytesOf({ sizeGiB }: SizedDisk): number {
  return sizeGiB * gibibyte;
}

/**
 * Makes a disk of the VM's own, or grows it: a sparse file, blank at first, which the guest formats and grows. What is
 * stored in it is never touched. Throws DISK_FAILED when it is larger than that already: the file system in it cannot
 * shrink.
 */
export async function makeOwnDisk(disk: SizedDisk): Promise<void> {
  const live = await liveDisk(disk.path);
  if (live.format === "qcow2") return await growOverlay(disk, live);
  const file = await open(disk.path, "a", 0o600);
  try {
    const { size } = await file.stat();
    refuseSmaller(disk, size);
    if (size < bytesOf(disk)) await file.truncate(bytesOf(disk));
  } finally {
    await file.close();
  }
}

/** So many bytes in GiB, as settings have sizes: no less. */
export function wholeGiB(bytes: number): number {
  return Math.ceil(bytes / gibibyte);
}

/** Throws DISK_FAILED when a disk that has `sizeBytes` would have to shrink. */
export function refuseSmaller(disk: SizedDisk, sizeBytes: number): void {
  if (sizeBytes <= bytesOf(disk)) return;
  const isData = disk.name === dataDisk;
  const what = isData ? "The data disk" : `The disk "${disk.name}", which is`;
  const setting = isData ? "diskGiB" : `the size of "${disk.name}" in volumes`;
  const removal = isData ? "qn delete --data" : `qn disk rm ${disk.name} --data`;
  const has = `${isData ? "" : ","} has ${byteSize(sizeBytes)} and cannot shrink to ${byteSize(bytesOf(disk))}.`;
  throw new QnError("DISK_FAILED", `${what} "${disk.path}"${has}`, {
    hint: `Set ${setting} to at least what it has, or remove the data with \`${removal}\`.`,
  });
}

/** The size of a disk as a guest sees it, in bytes. */
export async function sizeOfDisk({ path, format }: DiskFile): Promise<number> {
  if (format === "raw") return (await stat(path)).size;
  return virtualBytes(await Bun.file(path).slice(0, qcow2HeadBytes).bytes());
}

// --- internal ---

/** The same for a disk that lies on layers of snapshots. */
async function growOverlay(disk: SizedDisk, overlay: DiskFile): Promise<void> {
  const { path } = overlay;
  const size = await sizeOfDisk(overlay);
  refuseSmaller(disk, size);
  if (size === bytesOf(disk)) return;
  await qemuImg(`"${path}" cannot grow`, dirname(path), ["resize", "-q", "-f", "qcow2", path, `${bytesOf(disk)}`]);
}
