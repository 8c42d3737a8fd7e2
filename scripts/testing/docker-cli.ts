/** The docker command for the end-to-end tests: the machine's own, or else the one in Debian's package, not installed. */
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { isThere } from "../../src/system/files.ts";
import { run } from "../../src/system/process.ts";
import { succeed } from "../support/succeed.ts";

/** Debian 13 has the command in a package of its own, Debian 12 together with the daemon, which nobody needs here. */
const packages = ["docker-cli", "docker.io"] as const;

/**
 * Puts docker into `tools` unless it is in PATH or there, and its builder where Debian has that: 13 does, 12 does not.
 * Throws when the command cannot be had.
 */
export async function ensureDockerCli(tools: string): Promise<void> {
  await mkdir(tools, { recursive: true });
  if (Bun.which("docker") === null && !(await fetchInto(tools, "docker", "usr/bin/docker", packages))) {
    throw new Error(`The docker command is not there, and apt-get has none of ${packages.join(", ")}.`);
  }
  await fetchInto(tools, "docker-buildx", "usr/libexec/docker/cli-plugins/docker-buildx", ["docker-buildx"]);
}

/** Puts a file of the first package that apt-get has into `tools`; false when it has none of them. */
export async function fetchInto(tools: string, name: string, path: string, from: readonly string[]): Promise<boolean> {
  if (await isThere(join(tools, name))) return true;
  const scratch = await mkdtemp(join(tools, ".docker-"));
  try {
    for (const one of from) {
      const download = await run(["apt-get", "download", "-qq", one], { cwd: scratch });
      const [archive] = [...new Bun.Glob("*.deb").scanSync(scratch)];
      if (download.exitCode !== 0 || archive === undefined) continue;
      await succeed(["dpkg-deb", "--extract", archive, "."], { cwd: scratch });
      await rename(join(scratch, path), join(tools, name));
      return true;
    }
    return false;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
