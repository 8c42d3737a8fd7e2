/** Lines that decide what becomes a release, that it is the same each time, and what is taken for one. */
import type { Rows } from "./mutant.ts";

const folder = "scripts/support/release";
const made = "test/contract/scripts/release.test.ts";
const upgraded = "test/contract/host/upgrade/upgrade.test.ts";
const installed = "test/contract/scripts/install.test.ts";
const read = "test/unit/host/upgrade/upgrade-words.test.ts";

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
  [
    "src/host/upgrade/offer.ts",
    [upgraded],
    ['if (!isSignedBy(sums, Buffer.from(signatures).toString("latin1"), keys))', "if (false)"],
    ["wanted === undefined && compareVersions(version, current) < 0", "false"],
    ["if (isVersion(version)) return version;", "if (version !== '') return version;"],
  ],
  ["src/host/upgrade/fetch-archive.ts", [upgraded], ["bytes > 0 && bytes <= archiveBytesMax", "bytes > 0"]],
  [
    "src/host/upgrade/upgrade.ts",
    [upgraded, "test/contract/host/upgrade/interrupted.test.ts"],
    ["said !== offer.version", "said === ''"],
    ["await keep(await linkAside(prefix), prefix);", ""],
    ["  await rm(program, { force: true });", ""],
    ["const turn = await turnAt(prefix);\n  const next", "const turn = { release() {} };\n  const next"],
    ["if (!/^\\d/.test(version))", "if (false)"],
    ["!isPrinted(file)", "true"],
  ],
  [
    "src/host/upgrade/find-install.ts",
    [upgraded],
    ["text !== undefined && path === join(prefix, programFiles.now)", "text !== undefined"],
    ['source?.kind === "folder" || source?.kind === "web"', "true"],
  ],
  ["src/host/upgrade/receipt.ts", [read], ["(?!\\.\\.?\\/)", ""], ["^(bin|share)", "^(\\w+)"]],
  ["src/host/upgrade/files.ts", [read], ["isVersion(version) && name ===", "name ==="]],
  [
    "install.sh",
    [installed],
    ['[ "$(sum_of "$work/$name.tar.gz")" = "$wanted" ]', "true"],
    ["is_signed || fail", "is_signed || say"],
    ['[ "${said%% *}" = "$version" ]', "true"],
    ['{ main "$@"; }', 'main "$@"'],
  ],
  [
    "install.sh",
    ["test/contract/scripts/install-words.test.ts"],
    ["| grep -v -F .. |", "|"],
    ["grep -E '^(bin|share)/'", "cat"],
  ],
];
