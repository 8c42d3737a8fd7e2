/** What there is to say of a command, for its help, its manual page and the reference: from the table that runs it. */
import type { ArgDef, CommandDef } from "citty";
import { argsOf, everywhere, examplesOf } from "./command.ts";
import type { Found, Root, Table } from "./tree.ts";

/** A paragraph, lines that are typed as they stand, or a list of words with what each is for. */
export type Part =
  | { readonly text: string }
  | { readonly heading?: string; readonly typed: readonly string[] }
  | { readonly heading: string; readonly rows: readonly (readonly [left: string, text: string])[] };

/** All that there is to say of what a command line names: first what it does, second how it is called. */
export function helpParts(root: Root, found: Found): readonly Part[] {
  if (found.path === "") return rootParts(root);
  return found.group === undefined ? ownParts(found) : groupParts(found);
}

// --- internal ---

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
    { heading: "Everywhere", rows: everywhere },
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
    { heading: "Everywhere", rows: everywhere },
    { heading: "Examples", typed: examples },
  ];
}

function ownParts({ path, command, about }: Found): Part[] {
  const usage = about?.usage ?? [path, ...argsOf(command).flatMap(wordInUsage), "[OPTIONS]"].join(" ");
  return [
    { text: `${descriptionOf(command)}.` },
    { typed: [`Usage: qn ${usage}`, ...alsoCalled(about)] },
    ...optionParts(command),
    ...(about?.note === undefined ? [] : [{ text: about.note }]),
    { heading: "Everywhere", rows: everywhere },
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
