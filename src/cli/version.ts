/** The version of this qn, of which package.json holds the only copy, and how this program was made. */
import { version } from "../../package.json" with { type: "json" };

export { version };

/**
 * How a program came to be: downloaded, built in a checkout of the source, or run by Bun from there. `commit` is what a
 * release was made of; nothing is known of the others, whose files may be any.
 */
export type Build = {
  readonly build: "release" | "checkout" | "source";
  readonly commit: string | null;
  readonly bun: string;
  readonly os: string;
  readonly arch: string;
};

/** What scripts/release puts in when it builds (scripts/support/build-program.ts); nothing else has such a name. */
declare const QN_RELEASE_COMMIT: string | undefined;

/** Inside a compiled binary the entry lies in Bun's virtual file system. */
export const isCompiled = Bun.main.startsWith("/$bunfs/");

/** How this very program was made. */
export function ownBuild(): Build {
  const commit = typeof QN_RELEASE_COMMIT === "string" ? QN_RELEASE_COMMIT : null;
  const checkout = isCompiled ? "checkout" : "source";
  const { platform: os, arch } = process;
  return { build: commit === null ? checkout : "release", commit, bun: Bun.version, os, arch };
}

/** The line that `qn --version` prints: the version first, for programs, then how the program was made. */
export function versionLine({ build, commit, bun, os, arch }: Build): string {
  const made: Readonly<Record<Build["build"], string>> = {
    // Of a release's trial the commit ends with "-dirty".
    release: `release, commit ${commit?.replace(/^([0-9a-f]{12})[0-9a-f]*/, "$1")}`,
    checkout: "built from a checkout",
    source: `run from its source by Bun ${bun}`,
  };
  return `${version} (${made[build]}, ${os}-${arch})`;
}
