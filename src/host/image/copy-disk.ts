/** Copies files of disks: shares their blocks where the file system can, and keeps their holes where it cannot. */
import { mkdir, rm, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { QnError } from "../../base/errors.ts";
import { byteSize, type HostOs } from "../../base/words.ts";
import { isErrno } from "../../system/errno.ts";
import { run } from "../../system/process.ts";

const host: HostOs = process.platform === "darwin" ? "darwin" : "linux";

/** Copies, and takes what time that takes. */
const copyCommands: Record<HostOs, readonly string[]> = {
  linux: ["cp", "--reflink=auto", "--sparse=always"],
  darwin: ["cp", "-c"],
};

/** Shares the blocks, or fails (FICLONE of ioctl_ficlone(2), clonefile(2)). */
const shareCommands: Record<HostOs, readonly string[]> = {
  linux: ["cp", "--reflink=always"],
  darwin: ["cp", "-c"],
};

/** Copies a disk's file. Throws DISK_FAILED, with the room that there is when there is too little; no file is left. */
export async function copyDisk(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true, mode: 0o700 });
  const { exitCode, stderr } = await run([...copyCommands[host], from, to]);
  if (exitCode === 0) return;
  await rm(to, { force: true });
  throw await diskFailure(`"${from}" cannot be copied to "${to}"`, dirname(to), stderr);
}

/** Makes `to` a file of the same blocks, at once; false, and no file, where the file system cannot. */
export async function shareBlocks(from: string, to: string): Promise<boolean> {
  const { exitCode } = await run([...shareCommands[host], from, to]);
  if (exitCode !== 0) await rm(to, { force: true });
  return exitCode === 0;
}

/**
 * The DISK_FAILED of something that could not be done below `folder`, from what a program or the system said; a full
 * disk is named with the room that it has.
 */
export async function diskFailure(what: string, folder: string, said: unknown): Promise<QnError> {
  const words = String(said).trim();
  const isFull = isErrno(said, "ENOSPC") || isErrno(said, "EDQUOT") || /No space left|quota exceeded/i.test(words);
  if (!isFull) return new QnError("DISK_FAILED", `${what}: ${words.replace(/\.$/, "")}.`, { cause: said });
  return new QnError(
    "DISK_FAILED",
    `${what}: there is no space left, ${byteSize(await freeBytes(folder))} are free in ${folder}.`,
    {
      cause: said,
      hint: "Free some, or remove snapshots with `qn snapshot rm`; nothing was changed.",
    },
  );
}

/** The bytes that this user may still write below a folder. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
