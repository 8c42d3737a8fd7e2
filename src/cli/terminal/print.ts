/** Data on standard output, for programs and for people. */
import { tableLines } from "./table.ts";

/** Data for a program. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}

/** Data for a person: rows under headings, as wide as they need to be. */
export function printTable(headings: readonly string[], rows: readonly (readonly string[])[]): void {
  printLines(tableLines(headings, rows));
}

/** Lines as they are, each with its newline. */
export function printLines(lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${line}\n`).join(""));
}
