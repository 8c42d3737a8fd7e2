/** Which pages the documentation's site has, in which order and under which headings; all are in this repository. */

/** A heading with its pages, as paths from the repository's root. */
export type Section = { readonly text: string; readonly pages: readonly string[] };

const guides = (...names: readonly string[]) => names.map((name) => `docs/guides/${name}.md`);
const docs = (...names: readonly string[]) => names.map((name) => `docs/${name}.md`);

export const siteMap: readonly Section[] = [
  { text: "Start", pages: ["README.md", ...guides("install", "first-project", "coming-from", "questions")] },
  {
    text: "Guides",
    pages: guides(
      "data",
      "snapshots",
      "hot-reload",
      "other-processors",
      "several-vms",
      "network",
      "ci",
      "throw-away",
      "tools",
    ),
  },
  { text: "Nix", pages: [...guides("nixos"), ...docs("nix", "nix-options")] },
  { text: "Fix it", pages: docs("fix-it", "errors") },
  {
    text: "Reference",
    pages: [
      ...docs("commands", "config", "environment", "json", "files", "differences", "glossary", "releases"),
      "CHANGELOG.md",
    ],
  },
  {
    text: "Design",
    pages: [
      ...docs(
        "architecture",
        "guest",
        "changes",
        "security",
        "decisions",
        "faults",
        "benchmarks",
        "compared",
        "clients",
      ),
      "CONTRIBUTING.md",
      "SECURITY.md",
    ],
  },
];

/** What pages show that is no page. */
export const pictures: readonly string[] = ["docs/recording.svg"];

/** Where a page is on the site; the README is its first page. */
export function addressOf(page: string): string {
  return page === "README.md" ? "/" : `/${page.replace(/\.md$/, ".html")}`;
}
