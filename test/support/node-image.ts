/** This machine's Node.js and npm as a container's file system, and a project for npm that needs no registry. */
import { cp, mkdir, readdir, realpath, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { succeed } from "../../scripts/support/succeed.ts";
import { busyboxArchive } from "./busybox.ts";
import { copyProgram, neededProgram, packRoot } from "./copied-program.ts";
import { repository } from "./program.ts";

/** Libraries of this repository that need no others than these. */
const libraries = ["citty", "consola", "destr", "node-fetch-native", "ofetch", "ufo", "valibot", "yaml"];

/** Makes a tar archive for `docker import` in a new folder `folder`, with `node` and `npm`, and gives its path. */
export async function nodeArchive(folder: string): Promise<string> {
  await mkdir(folder);
  await busyboxArchive(folder);
  const root = join(folder, "busybox");
  await copyProgram(root, await realpath(neededProgram("node")), "/bin/node");
  const npm = dirname(dirname(await realpath(neededProgram("npm"))));
  await cp(npm, join(root, "npm"), { recursive: true, dereference: true });
  await symlink("../npm/bin/npm-cli.js", join(root, "bin/npm"));
  await mkdir(join(root, "usr/bin"), { recursive: true });
  await symlink("/bin/env", join(root, "usr/bin/env"));
  return await packRoot(root, join(folder, "node.tar"));
}

/** Makes a project in a new folder whose packages are archives beside it, with its lock. */
export async function nodeProject(folder: string): Promise<void> {
  const packages = join(folder, "packages");
  await mkdir(packages, { recursive: true });
  for (const name of libraries) {
    await succeed([
      "npm",
      "pack",
      "--ignore-scripts",
      "--offline",
      "--pack-destination",
      packages,
      join(repository, "node_modules", name),
    ]);
  }
  const archives = await readdir(packages);
  const dependencies = libraries.map((name) => {
    const archive = archives.find((file) => new RegExp(`^${name}-\\d`).test(file)) ?? name;
    return [name, `file:packages/${archive}`];
  });
  await Bun.write(
    join(folder, "package.json"),
    JSON.stringify({ name: "project", version: "1.0.0", dependencies: Object.fromEntries(dependencies) }),
  );
  await succeed(["npm", "install", "--prefix", folder, "--package-lock-only", "--offline", "--ignore-scripts"]);
}
