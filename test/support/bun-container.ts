/** Programs of TypeScript in containers: the Bun that runs the test is mounted into a container of busybox. */
import { copyFile, mkdir, realpath } from "node:fs/promises";
import { basename, join } from "node:path";
import { runProgram } from "./program.ts";

/**
 * Puts the Bun that runs this test, with the libraries that it is linked with, and the program at `script` into `folder`,
 * which the VM has to share. Gives what `docker run` has to be told after its own options: the mounts, then image and command.
 */
export async function bunContainer(folder: string, script: string): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true });
  const { stdout } = await runProgram(["ldd", process.execPath]);
  const libraries = [...stdout.matchAll(/(\/\S+\.so\S*)/g)].map(([path]) => path);
  const files = new Map(libraries.map((path) => [path, join(folder, basename(path))]));
  files.set("/bun", join(folder, "bun"));
  files.set("/program.ts", join(folder, "program.ts"));
  for (const path of new Set(libraries)) await copyFile(await realpath(path), join(folder, basename(path)));
  await copyFile(process.execPath, join(folder, "bun"));
  await copyFile(script, join(folder, "program.ts"));
  const mounts = [...files].flatMap(([inside, outside]) => ["--volume", `${outside}:${inside}:ro`]);
  return [...mounts, "busybox", "/bun", "/program.ts"];
}
