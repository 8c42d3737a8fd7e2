/**
 * The command tree, loaded lazily: tables say of each command what lists show, and only the one that runs is imported.
 */
import type { CommandDef, CommandMeta } from "citty";
import { examplesOf } from "./command.ts";

/**
 * A command in a table. `example` is the first of its examples; a group has none of its own. `aliases` are other words
 * that call it, `usage` how it is written where its arguments do not tell, `note` what else its help says, `section`
 * where the root's help lists it.
 */
export type Entry = {
  readonly description: string;
  readonly example?: string;
  readonly aliases?: readonly string[];
  readonly usage?: string;
  readonly note?: string;
  readonly section?: string;
  readonly hidden?: boolean;
  readonly load: () => Promise<{ readonly command: CommandDef | Group }>;
};

/** Commands by the words that call them, in the order of the help. */
export type Table = Readonly<Record<string, Entry>>;

/**
 * Commands below one word. `default` is the one that is meant where none is named, as in `qn ports web`; `habits` says
 * for words of other programs what does the same here, such as `qn config edit`.
 */
export type Group = {
  readonly commands: Table;
  readonly default?: string;
  readonly habits?: Readonly<Record<string, string>>;
};

/** The whole tree: the program's name, what it is, and the examples of its help. */
export type Root = Group & {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly examples: readonly string[];
};

/**
 * What a command line names. `path` are the words that call it, none for the program itself; `rest` follows them. A
 * group has a table, and perhaps a command that is meant where none is named. `about` is what its table says of it.
 */
export type Found = {
  readonly path: string;
  readonly command: CommandDef;
  readonly group?: Group;
  readonly standard?: CommandDef | undefined;
  readonly rest: readonly string[];
  readonly about?: Pick<Entry, "aliases" | "usage" | "note"> & { readonly above: string };
};

/** The innermost command that the line names, loaded. */
export async function findCommand(root: Root, line: readonly string[]): Promise<Found> {
  const { name, version, description } = root;
  let found: Found = { path: "", command: { meta: { name, version, description } }, group: root, rest: line };
  while (found.group !== undefined) {
    const next = await load(found.path, found.group, found.rest[0]);
    if (next === undefined) return await withStandard(found, found.group);
    found = { ...next, rest: found.rest.slice(1) };
  }
  return found;
}

// --- internal ---

/** The word of a group's own for a word that calls one of its commands; nothing when none has it. */
function wordOf({ commands }: Group, word: string): string | undefined {
  if (Object.hasOwn(commands, word)) return word;
  return Object.entries(commands).find(([, { aliases = [] }]) => aliases.includes(word))?.[0];
}

/** The command that `word` calls below the words of `path`; none when the group has no such word. */
async function load(path: string, group: Group, word: string | undefined): Promise<Omit<Found, "rest"> | undefined> {
  const own = word === undefined ? undefined : wordOf(group, word);
  const entry = own === undefined ? undefined : group.commands[own];
  if (own === undefined || entry === undefined) return undefined;
  const name = nameBelow(path, group, own);
  const { command } = await entry.load();
  const { description, hidden = false, example, aliases, usage, note } = entry;
  const about = {
    above: path,
    ...(aliases && { aliases }),
    ...(usage !== undefined && { usage }),
    ...(note !== undefined && { note }),
  };
  // Where a group's standard command is named it goes by its own words.
  if ("commands" in command) return { path: name, command: { meta: { name, description } }, group: command, about };
  const examples = [...(example === undefined ? [] : [example]), ...examplesOf(command)];
  const meta: CommandMeta & { readonly examples: readonly string[] } = { name, description, hidden, examples };
  return { path: `${path} ${own}`.trim(), command: { ...command, meta }, about };
}

async function withStandard(found: Found, group: Group): Promise<Found> {
  if (group.default === undefined) return found;
  return { ...found, standard: (await load(found.path, group, group.default))?.command };
}

/** The command that is meant where none is named goes by the name of its group. */
function nameBelow(path: string, group: Group, word: string): string {
  return word === group.default ? path : `${path} ${word}`.trim();
}
