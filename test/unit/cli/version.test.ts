/** What qn says of itself: a release, a build of a checkout, and the source. */
import { expect, test } from "bun:test";
import manifest from "../../../package.json";
import { type Build, ownBuild, versionLine } from "../../../src/cli/version.ts";

const here: Build = { build: "source", commit: null, bun: "1.2.3", os: "linux", arch: "x64" };
const commit = "0123456789abcdef0123456789abcdef01234567";

test("a version says how the program was made, and begins with the number alone", () => {
  expect([
    versionLine({ ...here, build: "release", commit }),
    versionLine({ ...here, build: "release", commit: `${commit}-dirty` }),
    versionLine({ ...here, build: "checkout" }),
    versionLine(here),
  ]).toEqual([
    `${manifest.version} (release, commit 0123456789ab, linux-x64)`,
    `${manifest.version} (release, commit 0123456789ab-dirty, linux-x64)`,
    `${manifest.version} (built from a checkout, linux-x64)`,
    `${manifest.version} (run from its source by Bun 1.2.3, linux-x64)`,
  ]);
});

test("run from its source, qn is no release", () => {
  expect(ownBuild()).toEqual({
    build: "source",
    commit: null,
    bun: Bun.version,
    os: process.platform,
    arch: process.arch,
  });
});
