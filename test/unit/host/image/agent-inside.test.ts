/** The agent comes with the image: whoever starts a VM needs no program for Linux, and so a Mac's archive has none. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { Glob } from "bun";
import { importGraph } from "../../../support/import-graph.ts";

const root = join(import.meta.dir, "../../../..");

test("what starts a VM and what keeps it load nothing that puts a program into a guest; only the image's build does", async () => {
  const paths = [...new Glob("src/**/*.ts").scanSync(root)];
  const texts = new Map(
    await Promise.all(paths.map(async (path) => [path, await Bun.file(join(root, path)).text()] as const)),
  );
  const graph = importGraph([...texts].map(([path, text]) => ({ path, text })));
  const loadedBy = (path: string, seen = new Set<string>()): ReadonlySet<string> => {
    if (seen.has(path)) return seen;
    seen.add(path);
    for (const next of graph.get(path) ?? []) loadedBy(next, seen);
    return seen;
  };
  const looking = [...texts].filter(([, text]) => text.includes("guestBinary")).map(([path]) => path);
  expect(looking.toSorted()).toEqual([
    "src/cli/commands/image/build.ts",
    "src/host/image/build/debian.ts",
    "src/host/image/build/disk-image.ts",
  ]);
  for (const start of ["src/cli/commands/up.ts", "src/cli/commands/supervise.ts"]) {
    const loaded = loadedBy(start);
    expect(loaded.size).toBeGreaterThan(100);
    expect([...loaded].filter((path) => looking.includes(path))).toEqual([]);
  }
});
