/** The figures of earlier runs: what a new one is compared with, and where it is kept. */
import { join } from "node:path";
import type { KeptFigure } from "../../scripts/support/benchmarks-page.ts";
import type { Ratio, Told } from "./figures.ts";

const file = join(import.meta.dir, "figures.json");

/**
 * Prints what a benchmark tells, each ratio beside what it was. With `isKept` they take the place of those from now on;
 * others of the same benchmark stay, and so do remarks.
 */
export async function tell(benchmark: string, told: readonly Told[], isKept: boolean): Promise<void> {
  let figures = (await Bun.file(file).json()) as readonly KeptFigure[];
  console.log(`\n${benchmark}`);
  for (const each of told) {
    console.log(`  ${typeof each === "string" ? each : ratioLine(each, earlier(figures, benchmark, each.what))}`);
    if (typeof each !== "string") figures = withRatio(figures, benchmark, each, new Date().toISOString().slice(0, 10));
  }
  if (isKept) await Bun.write(file, `${JSON.stringify(figures, undefined, 2)}\n`);
}

/** A ratio with its parts, its aim and what it was. */
export function ratioLine({ what, ratio, parts, aim }: Ratio, before: KeptFigure | undefined): string {
  const was = before !== undefined && "ratio" in before ? `; was ${before.ratio} on ${before.date}` : "";
  return `${what}: ${ratio.toFixed(2)} (${parts}; aim: ${aim}${was})`;
}

/** The figures with this one: in the place of the one of its name, or at the end. */
export function withRatio(
  figures: readonly KeptFigure[],
  benchmark: string,
  { what, ratio, parts, aim }: Ratio,
  date: string,
): readonly KeptFigure[] {
  const before = earlier(figures, benchmark, what);
  const note = before !== undefined && "note" in before ? { note: before.note } : {};
  const kept = { benchmark, what, aim, ratio: Number(ratio.toFixed(2)), parts, ...note, date };
  return before === undefined ? [...figures, kept] : figures.map((figure) => (figure === before ? kept : figure));
}

// --- internal ---

function earlier(figures: readonly KeptFigure[], benchmark: string, what: string): KeptFigure | undefined {
  return figures.find((figure) => figure.benchmark === benchmark && figure.what === what);
}
