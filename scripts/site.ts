/**
 * Makes the documentation's site in dist/site from the pages in this repository: `bun scripts/site.ts`. VitePress is installed
 * below site/, with what site/bun.lock names, and asks for nothing while it builds. QN_SITE_BASE is the path below which
 * the site is to be served, "/" if it is not set.
 */
import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { pictures, siteMap } from "../site/site-map.ts";
import { succeed } from "./support/succeed.ts";

const root = join(import.meta.dir, "..");
const site = join(root, "site");
const bun = process.execPath;

await succeed([bun, "install", "--frozen-lockfile", "--ignore-scripts"], { cwd: site });
await rm(join(site, ".pages"), { recursive: true, force: true });
for (const path of [...siteMap.flatMap(({ pages }) => pages), ...pictures])
  await cp(join(root, path), join(site, ".pages", path));
// The README links to it, and to VitePress a page is what ends so.
await cp(join(root, "LICENSE"), join(site, ".pages/LICENSE.md"));
await succeed([bun, "--bun", "node_modules/.bin/vitepress", "build"], { cwd: site });
console.log("dist/site is made");
