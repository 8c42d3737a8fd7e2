/** This machine's git as a container's file system: git, its libraries and busybox, so that no registry is needed. */
import { copyFile, mkdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { succeed } from "../../scripts/support/succeed.ts";
import { busyboxArchive } from "./busybox.ts";

/** Makes a tar archive for `docker import` in a new folder `folder`, with the program `git`, and gives its path. */
export async function gitArchive(folder: string, git: string): Promise<string> {
  await mkdir(folder);
  await busyboxArchive(folder);
  const root = join(folder, "busybox");
  const copy = async (from: string, to: string): Promise<void> => {
    await mkdir(dirname(join(root, to)), { recursive: true });
    await copyFile(from, join(root, to));
  };
  await copy(git, "/bin/git");
  // A clone starts the other side by this name.
  await symlink("git", join(root, "bin/git-upload-pack"));
  const libraries = (await succeed(["ldd", git])).matchAll(/(?:=> )?(\/\S+) \(0x/g);
  for (const [, library = ""] of libraries) await copy(library, library);
  const archive = join(folder, "git.tar");
  await succeed(["tar", "--owner=0", "--group=0", "-C", root, "-cf", archive, "."]);
  return archive;
}
