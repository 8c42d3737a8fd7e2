/** This machine's git as a container's file system: git, its libraries and busybox, so that no registry is needed. */
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { busyboxArchive } from "./busybox.ts";
import { copyProgram, neededProgram, packRoot } from "./copied-program.ts";

/** Makes a tar archive for `docker import` in a new folder `folder`, with the program `git`, and gives its path. */
export async function gitArchive(folder: string): Promise<string> {
  await mkdir(folder);
  await busyboxArchive(folder);
  const root = join(folder, "busybox");
  await copyProgram(root, neededProgram("git"), "/bin/git");
  // A clone starts the other side by this name.
  await symlink("git", join(root, "bin/git-upload-pack"));
  return await packRoot(root, join(folder, "git.tar"));
}
