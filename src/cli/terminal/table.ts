/** Rows under headings, aligned, for a person's terminal. */

/**
 * A line for a terminal. Control characters are escaped: names come from containers, and must not send escape
 * sequences.
 */
export function plain(text: string): string {
  return text.replaceAll(control, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

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

// --- internal ---

/** C0, delete and C1 (ECMA-48): what a terminal may take for a command. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const control = /[\u0000-\u001f\u007f-\u009f]/g;
