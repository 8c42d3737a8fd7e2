/** docs/errors.md and the catalogue of errors say the same. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { errorsPage } from "../../../scripts/support/errors-page.ts";
import { errorTable } from "../../../src/base/errors.ts";
import { statuses } from "../../../src/cli/statuses.ts";
import { Glob } from "bun";

test("docs/errors.md is what `bun scripts/docs.ts` writes", async () => {
  expect(await Bun.file(join(import.meta.dir, "../../../docs/errors.md")).text()).toBe(errorsPage());
});

test("docs/errors.md has every status that a command ends with, be it a failure or an answer", async () => {
  for (const exit of Object.values(statuses)) expect(errorsPage()).toContain(`| ${exit} |  | `);
  // A status from elsewhere would be in no table.
  const folder = join(import.meta.dir, "../../../src");
  const files = [...new Glob("**/*.ts").scanSync(folder)].map((path) => Bun.file(join(folder, path)).text());
  const set = (await Promise.all(files)).flatMap((text) =>
    [...text.matchAll(/process\.exitCode = ([^;]+);|process\.exit\(([^)]*)\)/g)].map(([, to, at]) => to ?? at),
  );
  expect([...new Set(set.map(String))].toSorted()).toEqual([
    "",
    "(await runForeground(ssh)).exitCode",
    "exitCode",
    "known.exit",
    "statuses.newer",
    "statuses.notRunning",
    "statuses.problem",
    "wasInterrupted ? 0 : exitCode",
  ]);
});

test("docs/errors.md names every code of the catalogue with its exit status", () => {
  for (const { code, exit } of errorTable()) expect(errorsPage()).toContain(`| ${exit} | \`${code}\` | `);
});
