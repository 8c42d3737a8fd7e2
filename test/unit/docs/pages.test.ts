/** What a page says of the repository is there: files that it links to, and the rooms of the tree. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { Glob } from "bun";

const root = join(import.meta.dir, "../../..");

test("every file that a page links to is there, and every heading too", async () => {
  const pages = ["*.md", "docs/**/*.md"].flatMap((pattern) => [...new Glob(pattern).scanSync(root)]);
  const lost: string[] = [];
  for (const page of pages) {
    const text = await Bun.file(join(root, page)).text();
    for (const [, target = "", heading] of text.matchAll(/\]\(([^)#\s:]*)(?:#([^)\s]+))?\)/g)) {
      const path = target === "" ? page : join(dirname(page), target);
      const isThere = existsSync(join(root, path));
      const known = isThere && heading !== undefined ? anchorsOf(await Bun.file(join(root, path)).text()) : [];
      if (!isThere || (heading !== undefined && !known.includes(heading)))
        lost.push(`${page}: ${target}#${heading ?? ""}`);
    }
  }
  expect(lost).toEqual([]);
  expect(pages).toContain("docs/guest.md");
});

test("the first page of the architecture names every room of host and agent, and no other", async () => {
  const page = await Bun.file(join(root, "docs/architecture.md")).text();
  for (const part of ["host", "agent"]) {
    const lines = page
      .slice(page.indexOf(`\nsrc/${part}/`))
      .split("\n")
      .slice(2);
    const tree = lines.slice(
      0,
      lines.findIndex((line) => !line.startsWith("  ")),
    );
    const named = tree.flatMap((line) => /^ {2}(\S+?)(\/|\.ts)\s/.exec(line)?.[1] ?? []);
    const there = readdirSync(join(root, "src", part)).map((name) => name.replace(/\.ts$/, ""));
    expect([part, named.toSorted()]).toEqual([part, there.filter((name) => name !== "main").toSorted()]);
  }
});

/** What a link may name in a page: its headings as both GitHub and the site write them, and its own anchors. */
function anchorsOf(text: string): string[] {
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].flatMap(([, words = ""]) => {
    const onGitHub = words
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, "")
      .replaceAll(" ", "-");
    // VitePress makes one hyphen of all that stands between words.
    const onSite = words
      .toLowerCase()
      .replaceAll(/[^\p{L}\d]+/gu, "-")
      .replaceAll(/^-|-$/g, "");
    return onGitHub === onSite ? [onGitHub] : [];
  });
  return [...headings, ...[...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = ""]) => id)];
}
