/** Programs of this machine in a container's file system, with the libraries that they are linked with. */
import { copyFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { succeed } from "../../scripts/support/succeed.ts";
import { busyboxArchive } from "./busybox.ts";

/** Copies the program at `from` to `to` below `root`, and its libraries to where it looks for them. */
export async function copyProgram(root: string, from: string, to: string): Promise<void> {
  const copy = async (source: string, target: string): Promise<void> => {
    await mkdir(dirname(join(root, target)), { recursive: true });
    await copyFile(source, join(root, target));
  };
  await copy(from, to);
  const libraries = (await succeed(["ldd", from])).matchAll(/(?:=> )?(\/\S+) \(0x/g);
  for (const [, library = ""] of libraries) await copy(library, library);
}

/** Makes a tar archive for `docker import` in a new folder `folder`: busybox, and this machine's program beside it. */
export async function programArchive(folder: string, program: string): Promise<string> {
  await mkdir(folder);
  await busyboxArchive(folder);
  const root = join(folder, "busybox");
  await copyProgram(root, neededProgram(program), `/bin/${program}`);
  return await packRoot(root, join(folder, `${program}.tar`));
}

/** The path of a program that a test needs. Throws when it is not there, with the Debian package that has it. */
export function neededProgram(name: string): string {
  const path = Bun.which(name);
  if (path === null) throw new Error(`${name} is missing: the Debian package ${name} has it.`);
  return path;
}

/** Packs the file system at `root` for `docker import` into `archive`. */
export async function packRoot(root: string, archive: string): Promise<string> {
  await succeed(["tar", "--owner=0", "--group=0", "-C", root, "-cf", archive, "."]);
  return archive;
}
