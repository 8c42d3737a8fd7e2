/** Modes of what is released: the same whoever makes it, and such that a server of another user can give it out. */
import { chmod, readdir } from "node:fs/promises";
import { join } from "node:path";

/** Of files and of folders, whatever umask(2) has made of them. */
export const releasedMode = { file: 0o644, folder: 0o755 } as const;

/** Gives a folder of a release and the files in it their modes. */
export async function setReleasedModes(folder: string): Promise<void> {
  await chmod(folder, releasedMode.folder);
  for (const name of await readdir(folder)) await chmod(join(folder, name), releasedMode.file);
}
