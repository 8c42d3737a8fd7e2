/** docs/errors.md and the catalogue of errors say the same. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { errorsPage } from "../../../scripts/support/errors-page.ts";
import { errorTable } from "../../../src/base/errors.ts";

test("docs/errors.md is what `bun scripts/docs.ts` writes", async () => {
  expect(await Bun.file(join(import.meta.dir, "../../../docs/errors.md")).text()).toBe(errorsPage());
});

test("docs/errors.md names every code of the catalogue with its exit status", () => {
  for (const { code, exit } of errorTable()) expect(errorsPage()).toContain(`| ${exit} | \`${code}\` | `);
});
