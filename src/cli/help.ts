/** What `qn help`, `qn` alone and `--help` print: made from the same table and arguments that run the commands. */
import { helpParts, type Part } from "./help-parts.ts";
import type { Found, Root } from "./tree.ts";

/** How wide a help may be, and how narrow: narrower terminals wrap it themselves. */
const columns = { min: 40, max: 100 };

/** What stands left of a text at most; a longer one has its text on the next line. */
const leftMax = 26;

/**
 * The help of what a command line names, as lines without control characters that fit a terminal of `width` columns
 * (40 to 100 of them are used). Headings are the lines that end without an indent and stand alone.
 */
export function helpLines(root: Root, found: Found, width: number): readonly string[] {
  const fit = Math.max(columns.min, Math.min(columns.max, width));
  const parts = helpParts(root, found);
  const words = parts.flatMap((part) => ("rows" in part ? part.rows.map(([left]) => left.length) : []));
  const left = Math.min(leftMax, Math.max(0, ...words));
  return parts.flatMap((part, index) => [...(index === 0 ? [] : [""]), ...linesOf(part, left, fit)]);
}

/** Whether a line of a help is a heading. */
export function isHeading(line: string): boolean {
  return /^[A-Z][A-Za-z ]+$/.test(line);
}

/** Text in lines of at most `width` columns, broken between words; a longer word stands alone. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

// --- internal ---

function linesOf(part: Part, left: number, width: number): string[] {
  if ("text" in part) return wrapped(part.text, width);
  const heading = part.heading === undefined || part.heading === "" ? [] : [part.heading];
  if ("typed" in part) return part.typed.length === 0 ? [] : [...heading, ...part.typed.map(indentBelow(heading))];
  return [...heading, ...part.rows.flatMap(([words, text]) => rowLines(words, text, left, width))];
}

function indentBelow(heading: readonly string[]): (line: string) => string {
  return (line) => (heading.length === 0 ? line : `  ${line}`);
}

function rowLines(words: string, text: string, left: number, width: number): string[] {
  const lines = wrapped(text, width - left - 4);
  const first = `  ${words.padEnd(left)}  `;
  const isLong = words.length > left;
  return [
    ...(isLong ? [first.trimEnd()] : []),
    ...lines.map((line, index) => `${index === 0 && !isLong ? first : " ".repeat(left + 4)}${line}`.trimEnd()),
  ];
}
