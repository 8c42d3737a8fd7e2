/** How VitePress makes the site of this repository's pages (scripts/site.ts calls it); the pages stay where they are. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { addressOf, siteMap } from "../site-map.ts";

const repository = join(import.meta.dirname, "../..");

// oxlint-disable-next-line import/no-default-export -- VitePress takes its configuration so
export default {
  title: "qn",
  description: "Docker for Linux and Mac that behaves as if it ran natively",
  lang: "en",
  base: process.env["QN_SITE_BASE"] ?? "/",
  // scripts/site.ts copies them there: what is built below this folder finds VitePress' libraries, and no other page comes along.
  srcDir: ".pages",
  outDir: join(repository, "dist/site"),
  cacheDir: join(repository, "dist/.site-cache"),
  rewrites: { "README.md": "index.md" },
  metaChunk: true,
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    sidebar: siteMap.map(({ text, pages }) => ({
      text,
      collapsed: false,
      items: pages.map((page) => ({ text: titleOf(page), link: addressOf(page) })),
    })),
  },
};

// --- internal ---

/** A page's first heading. */
function titleOf(page: string): string {
  if (page === "README.md") return "What qn is";
  return /^# (.+)$/m.exec(readFileSync(join(repository, page), "utf8"))?.[1] ?? page;
}
