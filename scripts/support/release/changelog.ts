/** CHANGELOG.md as a release needs it: what is not released becomes a version's section, with its date. */
import { compareVersions } from "../../../src/base/words.ts";

/** A section of the changelog: its heading without the marks, and what stands below it. */
export type Section = { readonly version: string; readonly date: string | undefined; readonly text: string };

const unreleased = "Unreleased";

/** Every section, the newest first as they stand there. */
export function sectionsOf(changelog: string): readonly Section[] {
  const [, ...parts] = changelog.split(/^## /m);
  return parts.map((part) => {
    const [heading = "", ...lines] = part.split("\n");
    const [, version = heading, date] = /^\[([^\]]+)\](?: - (\S+))?$/.exec(heading) ?? [];
    return { version, date, text: lines.join("\n").trim() };
  });
}

/**
 * The changelog with what is not released as the section of `version`, and an empty one above it. Throws when there is
 * nothing in it, and when the version is no number above the last one.
 */
export function cutChangelog(changelog: string, version: string, date: string): string {
  if (!/^\d+\.\d+\.\d+$/.test(version)) throw new Error(`"${version}" is no version such as 1.2.3.`);
  const [first, last] = sectionsOf(changelog);
  if (first?.version !== unreleased) throw new Error(`CHANGELOG.md does not begin with a section [${unreleased}].`);
  if (saysNothing(first))
    throw new Error(`CHANGELOG.md says nothing below [${unreleased}]: there is nothing to release.`);
  if (last !== undefined && compareVersions(version, last.version) <= 0) {
    throw new Error(`${version} does not come after ${last.version}, the last version in CHANGELOG.md.`);
  }
  return changelog.replace(`## [${unreleased}]`, `## [${unreleased}]\n\n## [${version}] - ${date}`);
}

/** Why the changelog is not that of a release of `version`; nothing when it is. */
export function changelogFault(changelog: string, version: string): string | undefined {
  const section = sectionsOf(changelog).find((each) => each.version === version);
  if (section?.date === undefined) return `CHANGELOG.md has no section [${version}] with its date`;
  return saysNothing(section) ? `CHANGELOG.md says nothing below [${version}]` : undefined;
}

// --- internal ---

/** Whether a section has headings at most. */
function saysNothing({ text }: Section): boolean {
  return text.split("\n").every((line) => line.trim() === "" || line.startsWith("#"));
}
