/** Decisions can be found by their numbers: each has one of its own, and whoever names one names one that is there. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { Glob } from "bun";

const root = join(import.meta.dir, "../../..");
const page = await Bun.file(join(root, "docs/decisions.md")).text();

/** The numbers that a page of decisions gives: those of its anchors. */
function given(text: string): string[] {
  return [...text.matchAll(/<a id="d(\d+)"><\/a>/g)].map(([, number = ""]) => number);
}

/** The heads of decisions that have no anchor, number and date, or an anchor and a number that differ. */
function unnumbered(text: string): string[] {
  const numbered = /^- <a id="d(\d+)"><\/a>D\1, \d{4}-\d\d-\d\d: \*\*/;
  return text.split("\n").filter((line) => line.startsWith("- ") && !numbered.test(line));
}

/** The numbers that a text names, in whichever way: "decision D12", "decisions D1 and D2", "decisions.md#d3". */
function named(text: string): string[] {
  // A comment may end its line between the two words.
  const flat = text.replaceAll(/\n\s*(\*|\/\/|#)?\s*/g, " ");
  const words = [...flat.matchAll(/\bdecisions? (D\d+(?:(?:, | and |, and )D\d+)*)/gi)].flatMap(([, list = ""]) =>
    [...list.matchAll(/\d+/g)].map(String),
  );
  const links = [...flat.matchAll(/decisions\.md#d(\d+)/g)].map(([, number = ""]) => number);
  return [...words, ...links];
}

/** Mentions that lead nowhere: a design that is not in the repository, or the page without a number, from code. */
function vague(text: string): string[] {
  return text.replaceAll(/\n\s*(\*|\/\/|#)?\s*/g, " ").match(/\bdesign D\d+|docs\/decisions\.md(?!#d\d)/g) ?? [];
}

async function filesOf(pattern: string): Promise<[path: string, text: string][]> {
  const paths = [...new Glob(pattern).scanSync({ cwd: root, dot: true })].filter(
    (path) => !path.includes("node_modules/") && !path.startsWith("test/unit/docs/"),
  );
  return await Promise.all(
    paths.map(async (path): Promise<[string, string]> => [path, await Bun.file(join(root, path)).text()]),
  );
}

test("each decision has a number of its own, the same in its anchor and its text, and a date", () => {
  expect(unnumbered(page)).toEqual([]);
  expect(given(page).length).toBeGreaterThan(90);
  expect(given(page).filter((number, index, all) => all.indexOf(number) !== index)).toEqual([]);
});

test("each decision that code or a page names is there", async () => {
  const known = new Set(given(page));
  const files = [
    ...(await filesOf("{src,test,scripts,guest,nix,docs}/**/*.{ts,sh,nix,md,service,conf}")),
    ...(await filesOf("*.md")),
  ];
  const lost = files.flatMap(([path, text]) =>
    named(text)
      .filter((number) => !known.has(number))
      .map((number) => `${path}: D${number}`),
  );
  expect(lost).toEqual([]);
  expect(files.flatMap(([, text]) => named(text)).length).toBeGreaterThan(10);
});

test("no code cites a design that is not here, or decisions without a number", async () => {
  const files = await filesOf("{src,test,scripts,guest,nix}/**/*.{ts,sh,nix,service,conf}");
  expect(files.flatMap(([path, text]) => vague(text).map((words) => `${path}: ${words}`))).toEqual([]);
});

test("what is wrong with a decision's number, or with who names it, is found", () => {
  expect(unnumbered('- <a id="d1"></a>D2, 2026-11-21: **a**\n- **b**\n- <a id="d3"></a>D3: **c**')).toHaveLength(3);
  expect(named("(decision\n * D7; of two), decisions D1, D2 and D3; [decision D9](docs/decisions.md#d10)")).toEqual([
    "7",
    "1",
    "2",
    "3",
    "9",
    "10",
  ]);
  expect(vague("(design\n * D7), docs/decisions.md, docs/decisions.md#d1")).toEqual(["design D7", "docs/decisions.md"]);
});
