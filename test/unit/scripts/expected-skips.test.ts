/** Skips that are expected: each has a name, and what has none fails the run. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";
import { expectedSkips, lackedBy, unexpectedOf } from "../../../scripts/testing/expected-skips.ts";

const root = join(import.meta.dir, "../../..");

/** How tests are skipped in this tree. */
const maySkip = /\bskipIf\(|\blacks\b|\bevaluated\(|\.skip\(/;

const skipping = [...new Glob("test/**/*.test.ts").scanSync(root)].filter(
  (path) =>
    path !== "test/tidy.test.ts" &&
    path !== "test/unit/scripts/expected-skips.test.ts" &&
    maySkip.test(readFileSync(join(root, path), "utf8")),
);

test("each file that may skip tests is named in scripts/testing/expected-skips.ts with what they need, and no other is", () => {
  const isIn = (path: string) => (file: string) => (path.endsWith("/") ? file.startsWith(path) : file === path);
  const named = Object.keys(expectedSkips);
  expect(skipping.filter((file) => !named.some((path) => isIn(path)(file)))).toEqual([]);
  expect(named.filter((path) => !skipping.some(isIn(path)))).toEqual([]);
});

test("a skip is not expected in a file without a name, nor where this machine has all that its tests need", () => {
  const skips = [
    { file: "test/unit/base/ip.test.ts", name: "one" },
    { file: "test/contract/nix/lock.test.ts", name: "another" },
  ];
  expect(unexpectedOf(skips)).toEqual(skips.slice(0, 1));
  const onLinux = lackedBy("test/contract/system/held-folder.test.ts");
  expect(onLinux).toEqual(process.platform === "linux" ? [] : ["Linux"]);
});
