/** Makes a VM's disks: the system disk, an overlay on an image, and the data disk, sparse and only ever growing. */
import { randomBytes } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { QnError } from "../../base/errors.ts";
import { byteSize } from "../../base/words.ts";
import { run } from "../../system/process.ts";

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

/**
 * Makes the data disk at `path`, or grows it: a sparse file of `sizeGiB`, blank at first, which the guest formats and
 * grows. What is stored in it is never touched. Throws DISK_FAILED when it is larger than that already: the file system
 * in it cannot shrink.
 */
export async function makeDataDisk(path: string, sizeGiB: number): Promise<void> {
  const sizeBytes = sizeGiB * gibibyte;
  const file = await open(path, "a", 0o600);
  try {
    const { size } = await file.stat();
    if (size > sizeBytes) {
      throw new QnError(
        "DISK_FAILED",
        `The data disk "${path}" has ${byteSize(size)} and cannot shrink to ${byteSize(sizeBytes)}.`,
        { hint: "Set diskGiB to at least what it has, or remove the data with `qn delete --data`." },
      );
    }
    if (size < sizeBytes) await file.truncate(sizeBytes);
  } finally {
    await file.close();
  }
}
