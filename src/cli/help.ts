/** What `qn help`, `qn` alone and `--help` print: made from the same table and arguments that run the commands. */
import type { ArgDef, CommandDef } from "citty";
import { argsOf, everywhere, examplesOf } from "./command.ts";
import type { Found, Root, Table } from "./tree.ts";

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
  const parts = found.path === "" ? rootParts(root) : found.group === undefined ? ownParts(found) : groupParts(found);
  const words = parts.flatMap((part) => ("rows" in part ? part.rows.map(([left]) => left.length) : []));
  const left = Math.min(leftMax, Math.max(0, ...words));
  return parts.flatMap((part, index) => [...(index === 0 ? [] : [""]), ...linesOf(part, left, fit)]);
}

/** Whether a line of a help is a heading. */
export function isHeading(line: string): boolean {
  return /^[A-Z][A-Za-z ]+$/.test(line);
}

// --- internal ---

/** A paragraph, lines that are typed as they stand, or a list of words with what each is for. */
type Part =
  | { readonly text: string }
  | { readonly heading?: string; readonly typed: readonly string[] }
  | { readonly heading: string; readonly rows: readonly (readonly [left: string, text: string])[] };

function rootParts(root: Root): Part[] {
  const shown = Object.entries(root.commands).filter(([, { hidden }]) => hidden !== true);
  const sections = [...new Set(shown.map(([, { section }]) => section ?? ""))];
  return [
    { text: `${root.description}. Run \`qn up\`, then use docker as usual.` },
    { typed: ["Usage: qn COMMAND [VM] [OPTIONS]"] },
    ...sections.map((section) => ({
      heading: section,
      rows: rowsOf(Object.fromEntries(shown.filter(([, entry]) => (entry.section ?? "") === section))),
    })),
    { heading: "Everywhere", rows: everywhere.map(([left, text]) => [left, text] as const) },
    { heading: "Examples", typed: root.examples },
    { text: "`qn help COMMAND` says more. A VM that is not named is `default`." },
  ];
}

function groupParts({ path, command, group, standard, about }: Found): Part[] {
  const table = group?.commands ?? {};
  const own = standard === undefined ? [] : optionParts(standard);
  const examples = Object.values(table).flatMap(({ example, hidden }) =>
    hidden === true || example === undefined ? [] : [example],
  );
  return [
    { text: `${descriptionOf(command)}.` },
    { typed: [`Usage: qn ${path} COMMAND [OPTIONS]`, ...alsoCalled(about)] },
    { heading: "Commands", rows: rowsOf(table) },
    ...own,
    { heading: "Examples", typed: examples },
  ];
}

function ownParts({ path, command, about }: Found): Part[] {
  const usage = about?.usage ?? [path, ...argsOf(command).flatMap(wordInUsage), "[OPTIONS]"].join(" ");
  return [
    { text: `${descriptionOf(command)}.` },
    { typed: [`Usage: qn ${usage}`, ...alsoCalled(about)] },
    ...optionParts(command),
    { heading: "Everywhere", rows: everywhere.map(([left, text]) => [left, text] as const) },
    { heading: "Examples", typed: examplesOf(command) },
  ];
}

function optionParts(command: CommandDef): Part[] {
  const args = argsOf(command);
  const parts = [
    { heading: "Arguments", rows: args.filter(isWord).map(argumentRow) },
    { heading: "Options", rows: args.filter((arg) => !isWord(arg)).map(optionRow) },
  ];
  return parts.filter(({ rows }) => rows.length > 0);
}

function isWord([, { type }]: readonly [string, ArgDef]): boolean {
  return type === "positional";
}

function argumentRow([name, { description = "", ...arg }]: readonly [string, ArgDef]): readonly [string, string] {
  return [name.toUpperCase(), description + defaultWords(arg)];
}

function optionRow([name, { description = "", ...arg }]: readonly [string, ArgDef]): readonly [string, string] {
  const aliases = "alias" in arg ? [arg.alias ?? []].flat() : [];
  const value = arg.type === "string" ? ` ${"valueHint" in arg ? (arg.valueHint ?? "TEXT") : "TEXT"}` : "";
  return [[...aliases.map((alias) => `-${alias}`), `--${name}${value}`].join(", "), description + defaultWords(arg)];
}

function defaultWords(arg: Omit<ArgDef, "description">): string {
  return typeof arg.default === "string" ? ` (default: ${arg.default})` : "";
}

function wordInUsage([name, { type, required }]: readonly [string, ArgDef]): string[] {
  if (type !== "positional") return [];
  return [required === false ? `[${name.toUpperCase()}]` : name.toUpperCase()];
}

function alsoCalled(about: Found["about"]): string[] {
  const aliases = about?.aliases ?? [];
  const words = aliases.map((alias) => ["qn", about?.above ?? "", alias].filter((word) => word !== "").join(" "));
  return words.length === 0 ? [] : [`Also:  ${words.join(", ")}`];
}

function rowsOf(table: Table): readonly (readonly [string, string])[] {
  return Object.entries(table).flatMap(([word, { description, hidden }]) =>
    hidden === true ? [] : [[word, description] as const],
  );
}

function descriptionOf({ meta }: CommandDef): string {
  return typeof meta === "object" && "description" in meta ? (meta.description ?? "") : "";
}

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

/** Text in lines of at most `width` columns, broken between words; a longer word stands alone. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
