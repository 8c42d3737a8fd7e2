/** The changelog as a release cuts it. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import manifest from "../../../package.json";
import { changelogFault, cutChangelog, sectionsOf } from "../../../scripts/support/release/changelog.ts";

const changelog = `# Changelog

What changes.

## [Unreleased]

### Added

- Something.

## [0.2.0] - 2026-01-02

### Added

- The first thing.
`;

test("a cut gives what is not released a version and a date, and leaves an empty section above it", () => {
  const cut = cutChangelog(changelog, "0.10.0", "2026-11-29");
  expect(sectionsOf(cut).map(({ version, date, text }) => [version, date, text])).toEqual([
    ["Unreleased", undefined, ""],
    ["0.10.0", "2026-11-29", "### Added\n\n- Something."],
    ["0.2.0", "2026-01-02", "### Added\n\n- The first thing."],
  ]);
  expect(changelogFault(cut, "0.10.0")).toBeUndefined();
});

test.each([
  ["nothing to release", cutChangelog(changelog, "0.3.0", "2026-11-29"), "0.4.0", "says nothing below [Unreleased]"],
  [
    "a heading and nothing below it",
    changelog.replace("- Something.\n", ""),
    "0.3.0",
    "says nothing below [Unreleased]",
  ],
  [
    "no such section",
    changelog.replace("[Unreleased]", "[0.3.0]"),
    "0.4.0",
    "does not begin with a section [Unreleased]",
  ],
  ["the last version again", changelog, "0.2.0", "does not come after 0.2.0"],
  ["an older version", changelog, "0.1.9", "does not come after 0.2.0"],
  ["words for a version", changelog, "next", '"next" is no version'],
  ["a version of another form", changelog, "1.0", '"1.0" is no version'],
])("a cut with %s is refused", (_, text, version, says) => {
  expect(() => cutChangelog(text, version, "2026-11-29")).toThrow(says);
});

test("a version is released when its section has a date and says something", () => {
  const emptied = changelog.replace("- The first thing.\n", "");
  expect([
    changelogFault(changelog, "0.2.0"),
    changelogFault(changelog, "0.3.0"),
    changelogFault(changelog.replace(" - 2026-01-02", ""), "0.2.0"),
    changelogFault(emptied, "0.2.0"),
  ]).toEqual([
    undefined,
    "CHANGELOG.md has no section [0.3.0] with its date",
    "CHANGELOG.md has no section [0.2.0] with its date",
    "CHANGELOG.md says nothing below [0.2.0]",
  ]);
});

test("the changelog of this tree can be cut, or is that of its version", async () => {
  const own = await Bun.file(join(import.meta.dir, "../../../CHANGELOG.md")).text();
  const { version } = manifest;
  if (changelogFault(own, version) === undefined) return;
  expect(changelogFault(cutChangelog(own, version, "2026-11-29"), version)).toBeUndefined();
});
