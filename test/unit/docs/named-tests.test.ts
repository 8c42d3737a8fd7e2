/** The tests that docs/security.md and docs/faults.md name: each is there. */
import { expect, test } from "bun:test";
import { dirname, join } from "node:path";
import { Glob } from "bun";

const root = join(import.meta.dir, "../../..");
const files = [...new Glob("test/{unit,contract,e2e,long}/**/*.ts").scanSync(root), "test/tidy.test.ts"].map((path) =>
  path.replace(/^test\//, "").replace(/(\.root)?(\.test)?\.ts$/, ""),
);
const places = new Set(files.flatMap((file) => [file, dirname(file)]));

/**
 * The files and folders that a name means: those that begin and end as it does and have the folders that it names
 * between, maybe with others; of a name alone, the neighbour of the one before.
 */
function meant(name: string, before: readonly string[]): readonly string[] {
  const neighbours = name.includes("/") ? [] : before.map((path) => join(dirname(path), name));
  const pattern = new RegExp(`^${name.split("/").join("/(?:.+/)?")}$`);
  return [...places].filter((path) => neighbours.includes(path) || pattern.test(path));
}

/** The first words of each row of a page's tables, with the tests that its last cell names and that are not there. */
async function missingIn(page: string): Promise<{ readonly rows: number; readonly missing: readonly string[] }> {
  const lines = (await Bun.file(join(root, page)).text()).split("\n");
  const rows = lines
    .map((line) => line.split(/ \| | \|$/))
    .filter((cells) => cells.length === 5 && cells[3]?.includes("`") === true);
  const missing = rows.flatMap((cells) => {
    let before: readonly string[] = [];
    return [...(cells[3] ?? "").matchAll(/`([\w/-]+)`/g)].flatMap(([, name = ""]) => {
      before = meant(name, before);
      return before.length > 0 ? [] : [`${cells.slice(0, 2).join(" ")}: ${name}`];
    });
  });
  return { rows: rows.length, missing };
}

for (const page of ["docs/security.md", "docs/faults.md"]) {
  test(`each test that ${page} names is there`, async () => {
    const { rows, missing } = await missingIn(page);
    expect(missing).toEqual([]);
    expect(rows).toBeGreaterThan(20);
  });
}
