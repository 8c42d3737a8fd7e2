/**
 * The command tree, loaded lazily: tables say of each command what lists show, and only the one that runs is imported.
 */
import { type CommandDef, type CommandMeta, runCommand } from "citty";
import { examplesOf } from "./command.ts";

/** A command in a table. `example` is the first of its examples; a group has none of its own. */
export type Entry = {
  readonly description: string;
  readonly example?: string;
  readonly hidden?: boolean;
  readonly load: () => Promise<{ readonly command: CommandDef | Group }>;
};

/** Commands by the words that call them, in the order of the help. */
export type Table = Readonly<Record<string, Entry>>;

/** Commands below one word. `default` is the one that is meant where none is named, as in `qn ports web`. */
export type Group = { readonly commands: Table; readonly default?: string };

/** The whole tree: the program's name, and what it is. */
export type Root = Group & { readonly name: string; readonly version: string; readonly description: string };

/**
 * What a command line names. `path` are the words that call it, none for the program itself; `rest` follows them. A
 * group has a table, and perhaps a command that is meant where none is named.
 */
export type Found = {
  readonly path: string;
  readonly command: CommandDef;
  readonly table?: Table;
  readonly standard?: CommandDef | undefined;
  readonly rest: readonly string[];
};

/** The innermost command that the line names, loaded. */
export async function findCommand(root: Root, line: readonly string[]): Promise<Found> {
  let group: Group = root;
  const { name, version, description } = root;
  let command = groupCommand("", root, { name, version, description });
  for (const [index, word] of line.entries()) {
    const path = line.slice(0, index).join(" ");
    const next = await load(path, group, word);
    if (next === undefined) return await foundGroup(path, group, command, line.slice(index));
    if (next.group === undefined) return { path: `${path} ${word}`.trim(), ...next, rest: line.slice(index + 1) };
    ({ group, command } = next);
  }
  return await foundGroup(line.join(" "), group, command, []);
}

// --- internal ---

type Loaded = { readonly command: CommandDef; readonly group?: Group };

/** The command that `word` calls below the words of `path`; none when the group has no such word. */
async function load(path: string, group: Group, word: string): Promise<Loaded | undefined> {
  const entry = Object.hasOwn(group.commands, word) ? group.commands[word] : undefined;
  if (entry === undefined) return undefined;
  const name = nameBelow(path, group, word);
  const { command } = await entry.load();
  const { description, hidden = false, example } = entry;
  if ("commands" in command) return { command: groupCommand(name, command, { name, description }), group: command };
  const examples = [...(example === undefined ? [] : [example]), ...examplesOf(command)];
  const meta = { name, description, hidden, examples };
  return { command: { ...command, meta } };
}

async function foundGroup(path: string, group: Group, command: CommandDef, rest: readonly string[]): Promise<Found> {
  const standard = group.default === undefined ? undefined : (await load(path, group, group.default))?.command;
  return { path, command, table: group.commands, standard, rest };
}

/** The command that is meant where none is named goes by the name of its group. */
function nameBelow(path: string, group: Group, word: string): string {
  return word === group.default ? path : `${path} ${word}`.trim();
}

/** A group as citty has it: those below it are loaded when they run. */
function groupCommand(path: string, group: Group, about: CommandMeta): CommandDef {
  const entries = Object.entries(group.commands);
  const meta = {
    ...about,
    examples: entries.flatMap(([, { example, hidden }]) => (hidden === true ? [] : (example ?? []))),
  };
  const below = entries.map(([word, { description, hidden = false }]): [string, CommandDef] => [
    word,
    {
      meta: { name: nameBelow(path, group, word), description, hidden },
      async run({ rawArgs }) {
        const next = await load(path, group, word);
        if (next !== undefined) await runCommand(next.command, { rawArgs });
      },
    },
  ]);
  // citty looks with `in`: no word may be found that every object has, such as "constructor".
  return { meta, subCommands: Object.setPrototypeOf(Object.fromEntries(below), null) };
}
