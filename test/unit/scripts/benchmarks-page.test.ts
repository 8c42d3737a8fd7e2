/** docs/benchmarks.md and the figures that were kept say the same, and a new run takes an old one's place. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { isMet, withFigures } from "../../../scripts/support/benchmarks-page.ts";
import figures from "../../bench/figures.json";
import { ratioLine, withRatio } from "../../bench/kept.ts";

const page = join(import.meta.dir, "../../../docs/benchmarks.md");

test("the table of docs/benchmarks.md is what the script of the docs writes", async () => {
  const text = await Bun.file(page).text();
  expect(text).toBe(withFigures(text, figures));
  expect(text.split("\n").filter((line) => line.startsWith("| `up` |"))).toHaveLength(1);
  expect(() => withFigures("no place", figures)).toThrow("no place for figures");
});

test("a figure is named once, and has a ratio or words", () => {
  const names = figures.map(({ benchmark, what, aim }) => `${benchmark}: ${what}, ${aim}`);
  expect(names).toEqual([...new Set(names)]);
  for (const figure of figures) expect("ratio" in figure).toBe(!("measured" in figure));
});

test("a ratio is held to its aim, from the side that the aim says", () => {
  const cases = [isMet(3, "at most 3"), isMet(3.01, "at most 3"), isMet(1, "at least 1"), isMet(0.99, "at least 1")];
  expect([...cases, isMet(5, "20 ms more")]).toEqual([true, false, true, false, undefined]);
});

test("a run says what a ratio was, and takes its place with the remark that it had", () => {
  const old = {
    benchmark: "up",
    what: "a",
    aim: "at most 2",
    ratio: 1.5,
    parts: "3 and 2 s",
    note: "busy",
    date: "2026-01-02",
  };
  const other = { ...old, benchmark: "down" };
  const ratio = { what: "a", ratio: 1.2345, parts: "5 and 4 s", aim: "at most 2" };
  expect(ratioLine(ratio, old)).toBe("a: 1.23 (5 and 4 s; aim: at most 2; was 1.5 on 2026-01-02)");
  expect(ratioLine(ratio, undefined)).toBe("a: 1.23 (5 and 4 s; aim: at most 2)");
  const kept = { ...old, ratio: 1.23, parts: "5 and 4 s", date: "2026-02-03" };
  expect(withRatio([other, old], "up", ratio, "2026-02-03")).toEqual([other, kept]);
  const { note: _, ...fresh } = kept;
  expect(withRatio([other], "up", ratio, "2026-02-03")).toEqual([other, fresh]);
});
