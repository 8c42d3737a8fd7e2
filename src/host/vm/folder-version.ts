/** A VM's folder, and its version: what the files in it are called and mean. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { QnError } from "../../base/errors.ts";
import { isErrno } from "../../system/errno.ts";
import { isThere, readTextIfThere, writeFileAtomically } from "../../system/files.ts";
import type { VmPaths } from "../layout.ts";

/** Grows when a qn that does not know of a change would harm the VM or misread its files. */
const folderVersion = 2;

/** What a folder without snapshots is; a qn of before there were any starts it. */
const plainVersion = 1;

/**
 * Makes the VM's folder, and notes its version; false when it is there already. What is set before the first start
 * makes it, too. Throws the system's errors.
 */
export async function makeFolder(paths: VmPaths): Promise<boolean> {
  await mkdir(dirname(paths.folder), { recursive: true, mode: 0o700 });
  const isNew = await mkdir(paths.folder, { mode: 0o700 }).then(
    () => true,
    (error: unknown) => {
      if (isErrno(error, "EEXIST")) return false;
      throw error;
    },
  );
  if (!(await isThere(paths.version))) await writeFolderVersion(paths);
  return isNew;
}

/** Notes the version in a new folder. */
export async function writeFolderVersion(paths: VmPaths): Promise<void> {
  await writeFileAtomically(paths.version, `${plainVersion}\n`);
}

/** Notes that the VM's data may lie on layers of snapshots (2), where an older qn would find none and make it anew. */
export async function writeLayeredVersion(paths: VmPaths): Promise<void> {
  if ((await readTextIfThere(paths.version))?.trim() === `${folderVersion}`) return;
  await writeFileAtomically(paths.version, `${folderVersion}\n`);
}

/** Throws VM_NEWER for a folder that a newer qn has made. One without a version is from before there were any: 1. */
export async function refuseNewerFolder(paths: VmPaths): Promise<void> {
  const text = (await readTextIfThere(paths.version))?.trim() ?? "1";
  if (/^\d+$/.test(text) && Number(text) <= folderVersion) return;
  throw new QnError(
    "VM_NEWER",
    `The folder of the VM "${paths.name}" has version ${text}; this qn knows versions up to ${folderVersion}.`,
  );
}
