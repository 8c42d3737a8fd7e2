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

/** What nix/modules/settings.nix makes types of. */
const known = new Set(["enum", "const", "anyOf", "array", "boolean", "integer", "number", "object", "string"]);

/** What settings.nix reads of a setting's schema. */
type Schema = {
  readonly type?: string;
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
};

/** What of a setting's schema Nix would not know, with where it stands. */
function unknownToNix(schema: Schema, path = ""): string[] {
  const kind = ["enum", "const", "anyOf"].find((each) => each in schema) ?? schema.type ?? "nothing";
  const { pattern = "", properties = {}, items, anyOf = [] } = schema;
  return [
    ...(known.has(kind) ? [] : [`${path}: ${kind}`]),
    // Nix' patterns are POSIX', which know no classes by letters and no groups that say what they are.
    ...(/\\[a-z]|\(\?/i.test(pattern) ? [`${path}: ${pattern}`] : []),
    ...(kind === "integer" && !("minimum" in schema && "maximum" in schema) ? [`${path}: without bounds`] : []),
    ...Object.entries(properties).flatMap(([name, each]) => unknownToNix(each, `${path}.${name}`)),
    ...(items === undefined ? [] : unknownToNix(items, `${path}[]`)),
    ...anyOf.flatMap((each) => unknownToNix(each, `${path}|`)),
  ];
}

test("every setting has a kind and a pattern that nix/modules/settings.nix knows, where Nix itself is not here", async () => {
  const settings = JSON.parse(nixSettings()) as Record<string, Schema>;
  expect(Object.entries(settings).flatMap(([name, schema]) => unknownToNix(schema, name))).toEqual([]);
  const wrong = { type: "object", properties: { a: {}, b: { type: "string", pattern: "^\\d$" }, c: { type: "null" } } };
  expect(unknownToNix(wrong)).toEqual([".a: nothing", ".b: ^\\d$", ".c: null"]);
  const source = await Bun.file(join(import.meta.dir, "../../../nix/modules/settings.nix")).text();
  for (const kind of known) expect(source).toMatch(new RegExp(`schema \\? ${kind}\\b|\\b${kind} = `));
});
