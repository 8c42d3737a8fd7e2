/** Users of install.sh, each with a home folder of their own, and a mirror with two versions. */
import { mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { findProgram } from "../../src/system/process.ts";
import { type Outcome, repository, runProgram } from "./program.ts";
import { newReleases, type Releases } from "./program-release.ts";
import { releaseServer, type ReleaseServer } from "./release-server.ts";

/** The script. */
export const installScript = join(repository, "install.sh");

/** A user: `prefix` is where install.sh goes by itself. */
export type User = {
  readonly home: string;
  readonly prefix: string;
  install(words?: readonly string[], env?: Record<string, string | undefined>): Promise<Outcome>;
  /** All files below the home folder. */
  files(): Promise<string[]>;
  /** The version of the program that is installed. */
  version(): Promise<string | undefined>;
};

/** What install.sh runs: nothing else has to be on a machine. */
const tools =
  "awk cat chmod cp curl cut grep gzip head ldd mkdir mktemp mv openssl rm rmdir sed sh sha256sum sort tar tr uname wget".split(
    " ",
  );

/** The scene. `pathWithout` makes a folder for PATH, with what install.sh runs but for some. */
export type InstallScene = AsyncDisposable & {
  readonly folder: string;
  readonly releases: Releases;
  readonly server: ReleaseServer;
  newUser(shell: readonly string[]): Promise<User>;
  pathWithout(names: readonly string[]): Promise<string>;
};

/** Sets it up, with 0.1.0 and 0.2.0, the newest. */
export async function installScene(): Promise<InstallScene> {
  const folder = await mkdtemp("/var/tmp/qn-install-");
  const releases = await newReleases(join(folder, "releases"));
  await releases.add("0.1.0");
  await releases.add("0.2.0");
  const server = await releaseServer(releases.folder);
  const usual = { QN_INSTALL_URL: server.base, QN_INSTALL_KEY: releases.keyFile };
  return {
    folder,
    releases,
    server,
    async newUser([shell = "sh", ...words]) {
      // Whatever PATH a test gives it.
      const program = findProgram(shell) ?? shell;
      const home = await mkdtemp(join(folder, "home-"));
      const prefix = join(home, ".local");
      return {
        home,
        prefix,
        install: async (options = [], env = {}) =>
          await runProgram([program, ...words, installScript, ...options], {
            cwd: home,
            env: { ...usual, HOME: home, TMPDIR: home, ...env },
          }),
        async files() {
          const entries = await readdir(home, { recursive: true, withFileTypes: true });
          const files = entries.filter((entry) => !entry.isDirectory());
          return files.map((entry) => join(entry.parentPath, entry.name).slice(home.length + 1)).toSorted();
        },
        version: () => readFile(join(prefix, "bin/qn"), "utf8").then((text) => /'(\S+)/.exec(text)?.[1]),
      };
    },
    async pathWithout(names) {
      const bin = await mkdtemp(join(folder, "path-"));
      for (const tool of tools.filter((name) => !names.includes(name))) {
        const program = findProgram(tool);
        if (program !== undefined) await symlink(program, join(bin, tool));
      }
      return bin;
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}
