/** The file system of the containers that tests run: Debian's busybox-static, and a page for its web server. */
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { runProgram } from "./program.ts";

/** The page that `httpd -f -p 80 -h /www` serves. */
export const page = "hello from the guest\n";

/** Makes a tar archive for `docker import` in `folder` and gives its path. Throws when there is no static busybox. */
export async function busyboxArchive(folder: string): Promise<string> {
  const busybox = Bun.which("busybox");
  if (busybox === null) throw new Error("busybox is missing: the Debian package busybox-static has it.");
  const root = join(folder, "busybox");
  const archive = join(folder, "busybox.tar");
  for (const path of ["bin", "etc", "tmp", "www"]) await mkdir(join(root, path), { recursive: true });
  await Bun.write(join(root, "bin/busybox"), Bun.file(busybox), { mode: 0o755 });
  await Bun.write(join(root, "www/index.html"), page);
  const { stdout } = await runProgram([busybox, "--list"]);
  const applets = stdout.split("\n").filter((name) => name !== "" && name !== "busybox");
  await Promise.all(applets.map((name) => symlink("busybox", join(root, "bin", name))));
  const packed = await runProgram(["tar", "--owner=0", "--group=0", "-C", root, "-cf", archive, "."]);
  if (packed.exitCode !== 0) throw new Error(packed.stderr);
  return archive;
}
