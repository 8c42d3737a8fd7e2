/** The docker command for the end-to-end tests: the machine's own, or else the one in Debian's package, not installed. */
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { isThere } from "../../src/system/files.ts";
import { run } from "../../src/system/process.ts";
import { succeed } from "../support/succeed.ts";

/** Debian 13 has the command in a package of its own, Debian 12 together with the daemon, which nobody needs here. */
const packages = ["docker-cli", "docker.io"] as const;

/** Puts docker into `tools` unless it is in PATH or there. Throws when it cannot be had. */
export async function ensureDockerCli(tools: string): Promise<void> {
  if (Bun.which("docker") !== null || (await isThere(join(tools, "docker")))) return;
  await mkdir(tools, { recursive: true });
  const scratch = await mkdtemp(join(tools, ".docker-"));
  try {
    for (const name of packages) {
      const download = await run(["apt-get", "download", "-qq", name], { cwd: scratch });
      const [archive] = [...new Bun.Glob("*.deb").scanSync(scratch)];
      if (download.exitCode !== 0 || archive === undefined) continue;
      await succeed(["dpkg-deb", "--extract", archive, "."], { cwd: scratch });
      await rename(join(scratch, "usr/bin/docker"), join(tools, "docker"));
      return;
    }
    throw new Error(`The docker command is not there, and apt-get has none of ${packages.join(", ")}.`);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
