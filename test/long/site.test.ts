/** The documentation's site in a real browser: built from the pages of this repository, its links, its search, and a narrow screen. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { succeed } from "../../scripts/support/succeed.ts";
import { addressOf, siteMap } from "../../site/site-map.ts";
import { repository } from "../support/program.ts";
import { until } from "../support/until.ts";

const chromium = Bun.which("chromium");
const inBrowser = test.skipIf(chromium === null);
const limitMs = 300_000;
const addresses = siteMap.flatMap(({ pages }) => pages).map(addressOf);

let server: Bun.Server<undefined>;

beforeAll(async () => {
  await succeed([process.execPath, join(repository, "scripts/site.ts")]);
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch({ url }) {
      const path = decodeURIComponent(new URL(url).pathname).replace(/\/$/, "/index.html");
      const file = Bun.file(join(repository, "dist/site", path));
      return (await file.exists()) ? new Response(file) : new Response("", { status: 404 });
    },
  });
}, limitMs);

afterAll(() => server.stop(true));

/** A page in a window of `width` pixels. */
async function opened(address: string, width: number): Promise<Bun.WebView> {
  // Its sandbox is not to be had everywhere, and the pages are this repository's own.
  const argv = ["--no-sandbox"];
  const view = new Bun.WebView({
    width,
    height: 800,
    backend: { type: "chrome", url: false, path: chromium ?? "", argv },
  });
  await view.navigate(new URL(address, server.url).href);
  return view;
}

type Seen = { readonly ids: string[]; readonly links: string[]; readonly loaded: string[]; readonly wide: string[] };

/** What a page has: its anchors, where it leads to, what it has loaded, and what does not fit into its window. */
const look = `({
  ids: [...document.querySelectorAll("[id]")].map(({ id }) => id),
  links: [...document.querySelectorAll("a[href]")].map(({ href }) => href),
  loaded: performance.getEntriesByType("resource").map(({ name }) => name),
  wide: document.documentElement.scrollWidth <= window.innerWidth ? [] :
    [...document.querySelectorAll("main *")].filter((each) => each.getBoundingClientRect().right > window.innerWidth)
      .map((each) => each.outerHTML.slice(0, 80)).concat("the page"),
})`;

inBrowser(
  "every link of every page leads somewhere, no page asks another server, and none is wider than 360 pixels",
  async () => {
    const view = await opened("/", 360);
    const seen = new Map<string, Seen>();
    for (const address of addresses) {
      await view.navigate(new URL(address, server.url).href);
      seen.set(address, await view.evaluate<Seen>(look));
    }
    view.close();
    const lost: string[] = [];
    for (const [address, { links, loaded, wide }] of seen) {
      const foreign = loaded.filter((name) => new URL(name).origin !== server.url.origin);
      if (foreign.length + wide.length > 0) lost.push(`${address}: ${[...foreign, ...wide].join(" ")}`);
      for (const link of links.map((each) => new URL(each))) {
        if (link.origin !== server.url.origin) continue;
        const target = seen.get(link.pathname);
        const isThere = target !== undefined || (await fetch(link)).ok;
        const anchor = decodeURIComponent(link.hash.slice(1));
        if (!isThere || (anchor !== "" && !target?.ids.includes(anchor))) lost.push(`${address}: ${link.href}`);
      }
    }
    expect(lost).toEqual([]);
    expect([...seen.values()].flatMap(({ links }) => links).length).toBeGreaterThan(500);
  },
  limitMs,
);

inBrowser(
  "the search finds a message of Docker's, and leads to its fix",
  async () => {
    const view = await opened("/", 1200);
    await view.click("#local-search button");
    await until("the search's field", 20_000, () =>
      view
        .evaluate<boolean | null>('document.querySelector("#localsearch-input") && true')
        .then((is) => is ?? undefined),
    );
    await view.click("#localsearch-input");
    await view.type("port is already allocated");
    const first = await until("what is found", 20_000, () =>
      view
        .evaluate<string | null>('document.querySelector("#localsearch-list a")?.getAttribute("href")')
        .then((href) => href ?? undefined),
    );
    expect(first).toContain("/docs/fix-it.html");
    await view.press("Enter");
    await until("the page", 20_000, () =>
      view.evaluate<string>("location.pathname").then((path) => (path === "/docs/fix-it.html" ? path : undefined)),
    );
    view.close();
  },
  limitMs,
);

inBrowser(
  "on a narrow screen the menu has every page",
  async () => {
    const view = await opened("/docs/fix-it.html", 360);
    await view.click(".VPLocalNav .menu");
    const shown = await until("the menu", 20_000, () =>
      view
        .evaluate<string[] | null>(
          `document.querySelector(".VPSidebar.open") && [...document.querySelectorAll(".VPSidebar a")].map((each) => new URL(each.href).pathname)`,
        )
        .then((found) => found ?? undefined),
    );
    expect(shown).toEqual(addresses);
    view.close();
  },
  limitMs,
);
