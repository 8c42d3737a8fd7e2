/** The table of docs/benchmarks.md, made from the figures that the benchmarks have kept. */

/**
 * What was measured once. A ratio is what the next run is compared with: `parts` are the two figures, and `aim` says
 * "at most" or "at least" a number, or something in words. Whatever is no ratio is `measured` and `met` in words.
 */
export type KeptFigure = { readonly benchmark: string; readonly what: string; readonly aim: string } & (
  | { readonly ratio: number; readonly parts: string; readonly note?: string }
  | { readonly measured: string; readonly met: string }
) & { readonly date: string };

/** The page with the table of these figures in the place of the one that it has. Throws when it has no place for one. */
export function withFigures(page: string, figures: readonly KeptFigure[]): string {
  const [before, , after] = page.split(/(?<=<!-- figures -->\n)|(?=<!-- \/figures -->)/);
  if (before === undefined || after === undefined) throw new Error("The page has no place for figures.");
  const rows = figures.map(
    (figure) =>
      `| ${nameOf(figure)} | ${figure.what} | ${figure.aim} | ${measured(figure)} | ${metWord(figure)} | ${figure.date} |\n`,
  );
  return `${before}| benchmark | what | aim | measured | met | on |\n|---|---|---|---|---|---|\n${rows.join("")}${after}`;
}

/** Whether a ratio is what it should be; nothing for an aim in words. */
export function isMet(ratio: number, aim: string): boolean | undefined {
  const [, bound, number] = /^at (most|least) ([\d.]+)$/.exec(aim) ?? [];
  if (bound === undefined) return undefined;
  return bound === "most" ? ratio <= Number(number) : ratio >= Number(number);
}

// --- internal ---

/** What runs it, as code, where something does. */
function nameOf({ benchmark }: KeptFigure): string {
  return benchmark === "by hand" ? benchmark : `\`${benchmark}\``;
}

function measured(figure: KeptFigure): string {
  if (!("ratio" in figure)) return figure.measured;
  return `${figure.ratio} (${figure.parts}${figure.note === undefined ? "" : `; ${figure.note}`})`;
}

function metWord(figure: KeptFigure): string {
  if (!("ratio" in figure)) return figure.met;
  return { true: "yes", false: "no", undefined: "–" }[`${isMet(figure.ratio, figure.aim)}`];
}
