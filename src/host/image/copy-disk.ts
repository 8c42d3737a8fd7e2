/** Copies files of disks: shares their blocks where the file system can, and keeps their holes where it cannot. */
import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { QnError } from "../../base/errors.ts";
import type { HostOs } from "../../base/words.ts";
import { run } from "../../system/process.ts";

const host: HostOs = process.platform === "darwin" ? "darwin" : "linux";

/** Copies, and takes what time that takes. */
const copyCommands: Record<HostOs, readonly string[]> = {
  linux: ["cp", "--reflink=auto", "--sparse=always"],
  darwin: ["cp", "-c"],
};

/** Copies a disk's file. Throws DISK_FAILED with what cp says; no file is left then. */
export async function copyDisk(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true, mode: 0o700 });
  const { exitCode, stderr } = await run([...copyCommands[host], from, to]);
  if (exitCode === 0) return;
  await rm(to, { force: true });
  throw new QnError("DISK_FAILED", `"${from}" cannot be copied to "${to}": ${stderr.trim()}.`);
}
