/** Lines that decide what becomes a release, and that it is the same each time. */
import type { Rows } from "./mutant.ts";

const folder = "scripts/support/release";
const made = "test/contract/scripts/release.test.ts";

/** What speaks against a release, and what of the machine that makes it must not show. */
export const linesOfReleases: readonly Rows[] = [
  [
    `${folder}/whole.ts`,
    [made],
    ["lacks.length > 0 && !parts.isTrial", "false"],
    ["!isTrusted(releaseKey(pem, path), trusted)", "releaseKey(pem, path).type !== 'private'"],
    ["if (keys.size === 0)", "if (false)"],
    ["sumsText(await sumsOf(files))", "sumsText(sums)"],
  ],
  [`${folder}/sums.ts`, [made], ['key.asymmetricKeyType === "ed25519"', 'key.type === "private"']],
  [`${folder}/guest-images.ts`, [made], ["protocol !== protocolVersion", "protocol > protocolVersion"]],
  [`${folder}/archive.ts`, [made], [", `--mtime=@${timeS}`", ""], [', "--mode=u=rwX,go=rX"', ""]],
  [
    `${folder}/changelog.ts`,
    ["test/unit/scripts/changelog.test.ts"],
    ["if (saysNothing(first))", "if (false)"],
    ["compareVersions(version, last.version) <= 0", "compareVersions(version, last.version) < 0"],
    ["section?.date === undefined", "section === undefined"],
  ],
];
