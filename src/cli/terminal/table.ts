/** Rows under headings, aligned, for a person's terminal. */
import { plain } from "../../base/plain.ts";

/**
 * The lines of a table, each column as wide as its widest cell in a terminal. A heading that ends with a space stands
 * over numbers: its column is aligned at its right.
 */
export function tableLines(headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [headings.map((heading) => heading.trim()), ...rows.map((row) => row.map(plain))];
  const widths = headings.map((_heading, column) => Math.max(...all.map((row) => Bun.stringWidth(row[column] ?? ""))));
  return all.map((row) =>
    row
      .map((cell, column) => {
        const space = " ".repeat(Math.max(0, (widths[column] ?? 0) - Bun.stringWidth(cell)));
        return headings[column]?.endsWith(" ") === true ? space + cell : cell + space;
      })
      .join("  ")
      .trimEnd(),
  );
}
