/** The door to qemu-img for what is done to disks that are there. */
import { dirname } from "node:path";
import { run } from "../../system/process.ts";
import { diskFailure } from "./copy-disk.ts";

/**
 * Runs qemu-img in `folder`, in which names of backing files are siblings. Gives back what it prints. Throws
 * TOOL_MISSING, and DISK_FAILED with `what` and what it says.
 */
export async function qemuImg(what: string, folder: string, words: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await run(["qemu-img", ...words], { cwd: folder });
  if (exitCode === 0) return stdout;
  throw await diskFailure(what, folder, stderr === "" ? `qemu-img ended with status ${exitCode}` : stderr);
}

/** Writes all of a disk that may lie on others into one sparse raw file. Throws as `qemuImg` does. */
export async function flattenDisk(from: string, to: string): Promise<void> {
  const words = ["convert", "-f", "qcow2", "-O", "raw", "-S", "4k", from, to];
  await qemuImg(`"${from}" cannot be copied to "${to}"`, dirname(to), words);
}
