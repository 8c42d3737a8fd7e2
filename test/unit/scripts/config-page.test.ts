/** docs/config.md and the table of settings say the same. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { configPage } from "../../../scripts/support/config-page.ts";
import { nixSettings } from "../../../scripts/support/nix-settings.ts";
import { leaves } from "../../../src/host/config/schema.ts";
import { valueAt } from "../../../src/host/config/setting.ts";

test("docs/config.md is what the script of the docs writes", async () => {
  expect(await Bun.file(join(import.meta.dir, "../../../docs/config.md")).text()).toBe(configPage());
});

test("docs/config.md has a row for every setting, with its help and its range", () => {
  for (const { path, help } of leaves) expect(configPage()).toContain(`| \`${path}\` | ${help} | `);
  expect(configPage()).toContain(
    "| `cpus` | Virtual processors. | 1 to 256 | `4`: up to 4 of this machine's | `QN_CPUS` | at the next start |",
  );
});

test("nix/modules/settings.json is what the script of the docs writes, with every setting in it", async () => {
  const text = await Bun.file(join(import.meta.dir, "../../../nix/modules/settings.json")).text();
  expect(text).toBe(nixSettings());
  const table: unknown = JSON.parse(text);
  for (const { path, help } of leaves) {
    expect([path, valueAt(table, `${path.replace(".", ".properties.")}.description`)]).toEqual([path, help]);
  }
});
