/** install.sh knows the same repository, keys and files as qn. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { ownRelease } from "../../../src/host/image/pull/addresses.ts";
import { releaseKeys } from "../../../src/host/image/pull/keys.ts";
import { targetOf } from "../../../src/host/upgrade/files.ts";
import { repository } from "../../support/program.ts";

const script = await Bun.file(join(repository, "install.sh")).text();

/** The lines of a function of the script that it prints as they stand. */
function printedBy(name: string): string {
  const [, body = ""] =
    new RegExp(`^${name}\\(\\) \\{\\n(?:.*\\n)*?.*<<'END'\\n((?:.*\\n)*?)END\\n`, "m").exec(script) ?? [];
  return body;
}

test("its repository is that of package.json, wherever it is named", () => {
  const repositories = [...script.matchAll(/github(?:\.com\/|:)([\w-]+\/qn)/g)].map(([, name]) => name);
  expect(repositories.length).toBeGreaterThan(3);
  expect(new Set(repositories)).toEqual(new Set([ownRelease.split("/").slice(3, 5).join("/")]));
});

test("its keys are those of qn", () => {
  expect(script).toContain("\nrelease_keys() {\n");
  expect(printedBy("release_keys").trim()).toBe(releaseKeys.map((key) => key.trim()).join("\n"));
});

test("it puts each file of an archive where qn upgrade puts it", () => {
  const rows = printedBy("list_files")
    .trim()
    .split("\n")
    .map((row) => row.split(" "));
  expect(rows.length).toBeGreaterThan(5);
  expect(rows.map(([from = ""]) => [from, targetOf(from)])).toEqual(rows.map(([from, to]) => [from, to]));
});

test("its last line is the only one that does anything", () => {
  const lines = script.trimEnd().split("\n");
  expect(lines.at(-1)).toBe('{ main "$@"; }');
  // Between the functions there is nothing: each begins and ends at the edge.
  const outside = script.replaceAll(/^\w+\(\) \{\n(?:.*\n)*?\}\n/gm, "").split("\n");
  expect(outside.filter((line) => line !== "" && !line.startsWith("#"))).toEqual(['{ main "$@"; }']);
});
