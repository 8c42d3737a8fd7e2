/** The completion candidates of a command line, from the command tree itself. */
import type { ArgDef, CommandDef } from "citty";
import { argsOf, everywhere } from "../command.ts";
import { findCommand, type Root, type Table } from "../tree.ts";

/** A candidate: the word, and what it is for. */
export type Candidate = { readonly word: string; readonly about: string };

/** Names that only this machine knows, and the settings, which few lines need. */
export type Names = {
  vms(): Promise<readonly string[]>;
  images(): Promise<readonly string[]>;
  settings(): Promise<readonly { readonly path: string; readonly help: string }[]>;
};

/** Values that are known for a flag or a positional argument, by its name. */
const fixedValues: Readonly<Record<string, readonly string[]>> = {
  arch: ["x86_64", "aarch64"],
  accel: ["auto", "kvm", "hvf", "tcg"],
  source: ["supervisor", "qemu", "serial", "agent"],
};

/** Those that mean something else in one command. */
const valuesOf: Readonly<Record<string, readonly string[]>> = {
  "env shell": ["bash", "zsh", "fish", "json"],
  "completion shell": ["bash", "zsh", "fish"],
};

/** What follows the name of a setting in the commands that take any number of them. */
const behindSetting: Readonly<Record<string, string>> = { "config set": "=", "config show": "", "config unset": "" };

/**
 * What fits in the place of the last of `words`, which are those behind `qn` up to the cursor; the last one may be
 * empty. Nothing behind `--`, which is somebody else's, and where a path belongs: the shell knows those.
 */
export async function candidates(root: Root, words: readonly string[], names: Names): Promise<Candidate[]> {
  const typed = words.slice(0, -1);
  const last = words.at(-1) ?? "";
  if (typed.includes("--")) return [];
  const { path, command, group, standard, rest } = await findCommand(root, typed);
  const line = { path, rest, last, names };
  const found = [
    ...(await fitting(command, group?.commands, line)),
    ...(standard === undefined ? [] : await fitting(standard, undefined, line)),
  ];
  const fits = new Map(found.filter(({ word }) => word.startsWith(last)).map((each) => [each.word, each]));
  return [...fits.values()];
}

// --- internal ---

const flagsEverywhere: readonly Candidate[] = everywhere.map(([words, about]) => ({
  word: words.split(", ").at(-1) ?? words,
  about,
}));

/** What is typed: the words that call the command, those that follow up to the cursor, and the one at it. */
type Line = { readonly path: string; readonly rest: readonly string[]; readonly last: string; readonly names: Names };

async function fitting(command: CommandDef, table: Table | undefined, line: Line): Promise<readonly Candidate[]> {
  const { path, rest, last, names } = line;
  const args = argsOf(command);
  const flagBefore = flagNamed(args, rest.at(-1) ?? "");
  if (flagBefore?.[1].type === "string") return await values(path, flagBefore[0], names);
  if (last.startsWith("-")) return [...flagWords(args), ...flagsEverywhere];
  const end = behindSetting[path];
  if (end !== undefined) return await settingWords(end, line);
  const isCommandNext = rest.every((word) => word.startsWith("-"));
  if (table !== undefined) return isCommandNext ? commandWords(table) : [];
  const positionals = args.filter(([, { type }]) => type === "positional");
  const given = rest.filter((word, index) => !word.startsWith("-") && !takesValue(args, rest[index - 1] ?? "")).length;
  const [name] = positionals[given] ?? [];
  return name === undefined ? [] : await values(path, name, names);
}

/** Names of settings, and of VMs in front of the first. Behind `cpus=` bash takes the sign for a word of its own. */
async function settingWords(end: string, { rest, names }: Line): Promise<readonly Candidate[]> {
  if (rest.at(-1) === "=") return [];
  const settings = (await names.settings()).map(({ path, help }) => ({ word: `${path}${end}`, about: help }));
  const isFirst = rest.every((word) => word.startsWith("-"));
  return isFirst ? [...(await values("", "vm", names)), ...settings] : settings;
}

async function values(path: string, name: string, names: Names): Promise<readonly Candidate[]> {
  const fixed = valuesOf[`${path} ${name}`] ?? fixedValues[name];
  if (fixed !== undefined) return fixed.map((word) => ({ word, about: "" }));
  if (name === "vm") return (await names.vms()).map((word) => ({ word, about: "VM" }));
  if (name === "image" || path === "image rm") return (await names.images()).map((word) => ({ word, about: "image" }));
  return [];
}

function commandWords(table: Table): Candidate[] {
  return Object.entries(table).flatMap(([word, { hidden = false, description }]) =>
    hidden ? [] : [{ word, about: description }],
  );
}

function flagWords(args: readonly [string, ArgDef][]): Candidate[] {
  return args.flatMap(([name, { type, description = "" }]) =>
    type === "positional" ? [] : [{ word: `--${name}`, about: description }],
  );
}

function flagNamed(args: readonly [string, ArgDef][], word: string): [string, ArgDef] | undefined {
  const isCalled = ([name, arg]: [string, ArgDef]): boolean =>
    word === `--${name}` || ("alias" in arg && [arg.alias ?? []].flat().some((alias) => word === `-${alias}`));
  return args.find((each) => each[1].type !== "positional" && isCalled(each));
}

function takesValue(args: readonly [string, ArgDef][], word: string): boolean {
  return flagNamed(args, word)?.[1].type === "string";
}
