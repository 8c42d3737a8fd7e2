/** A VM whose settings stand elsewhere, as a Nix configuration declares them. */
import { randomBytes } from "node:crypto";
import { lstat, readFile, rename, symlink } from "node:fs/promises";
import { QnError } from "../../base/errors.ts";
import { isErrno } from "../../system/errno.ts";
import { checkFile } from "../config/load.ts";
import { makeFolder } from "../vm/folder-version.ts";
import type { VmPaths } from "../layout.ts";

/**
 * Makes the VM's folder if there is none, and its config.yaml a link to `settings`, an absolute path. Throws
 * CONFIG_INVALID when that file is wrong, or a person has written a config.yaml there, which is left alone.
 */
export async function declareVm(paths: VmPaths, settings: string): Promise<void> {
  checkFile({ path: settings, text: await readFile(settings, "utf8") });
  await makeFolder(paths);
  if (await isFile(paths.config)) {
    throw new QnError("CONFIG_INVALID", `${paths.config} has settings of its own, beside those in ${settings}.`, {
      hint: "Move it away, so that the VM has the declared settings.",
    });
  }
  const link = `${paths.config}.${randomBytes(6).toString("hex")}`;
  await symlink(settings, link);
  await rename(link, paths.config);
}

// --- internal ---

async function isFile(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isFile();
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
}
