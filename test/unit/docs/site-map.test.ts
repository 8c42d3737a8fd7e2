/** The site's map names the pages of this repository: each once, and whatever one of them leads to. */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { Glob } from "bun";
import { addressOf, pictures, siteMap } from "../../../site/site-map.ts";

const root = join(import.meta.dir, "../../..");
const mapped = siteMap.flatMap(({ pages }) => pages);

test("every page of docs/ is on the site once, and every page of the site is there", () => {
  const written = [...new Glob("docs/**/*.md").scanSync(root)].toSorted();
  expect(mapped.filter((page) => page.startsWith("docs/")).toSorted()).toEqual(written);
  expect(mapped.filter((page) => !existsSync(join(root, page)))).toEqual([]);
  expect(mapped.filter((page, index) => mapped.indexOf(page) !== index)).toEqual([]);
});

test("no page of the site leads to a file that the site has not", async () => {
  const lost: string[] = [];
  for (const page of mapped) {
    const text = (await Bun.file(join(root, page)).text()).replaceAll(/^```.*?^```$|`[^`]*`/gms, "");
    for (const [, target = ""] of text.matchAll(/\]\(([^)#\s:]+)(?:#[^)\s]+)?\)/g)) {
      const path = join(dirname(page), target);
      if (![...mapped, ...pictures, "LICENSE"].includes(path)) lost.push(`${page}: ${target}`);
    }
  }
  expect(lost).toEqual([]);
});

test("a page's address is its path, and the README's is the first", () => {
  expect(["README.md", "docs/guides/ci.md"].map(addressOf)).toEqual(["/", "/docs/guides/ci.html"]);
});

test("README leads to every guide", async () => {
  const readme = await Bun.file(join(root, "README.md")).text();
  expect(mapped.filter((page) => page.startsWith("docs/guides/") && !readme.includes(`](${page})`))).toEqual([]);
});
