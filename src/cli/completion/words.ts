/** What may come next on a command line of qn, from the command tree itself. */
import type { ArgDef, CommandDef, SubCommandsDef } from "citty";

/** One word that fits, and what it is for. */
export type Candidate = { readonly word: string; readonly about: string };

/** Names that only this machine knows. */
export type Names = { vms(): Promise<readonly string[]>; images(): Promise<readonly string[]> };

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

/** The flags that every command has (verbosity.ts, boundary.ts). */
const everywhere: readonly Candidate[] = [
  { word: "--help", about: "Show how it is used" },
  { word: "--quiet", about: "Say nothing but warnings and errors" },
  { word: "--verbose", about: "Say where an error comes from, too" },
];

/**
 * What fits in the place of the last of `words`, which are those behind `qn` up to the cursor; the last one may be
 * empty. Nothing behind `--`, which is somebody else's, and where a path belongs: the shell knows those.
 */
export async function candidates(root: CommandDef, words: readonly string[], names: Names): Promise<Candidate[]> {
  const typed = words.slice(0, -1);
  const last = words.at(-1) ?? "";
  if (typed.includes("--")) return [];
  const { command, path, rest } = innermost(root, typed);
  const standard = standardOf(command);
  const found = [
    ...(await fitting(command, path, rest, last, names)),
    ...(standard === undefined ? [] : await fitting(standard, path, rest, last, names)),
  ];
  const fits = new Map(found.filter(({ word }) => word.startsWith(last)).map((each) => [each.word, each]));
  return [...fits.values()];
}

// --- internal ---

async function fitting(
  command: CommandDef,
  path: string,
  rest: readonly string[],
  last: string,
  names: Names,
): Promise<readonly Candidate[]> {
  const args = Object.entries<ArgDef>(plain(command.args) ?? {});
  const flagBefore = flagNamed(args, rest.at(-1) ?? "");
  if (flagBefore?.[1].type === "string") return await values(path, flagBefore[0], names);
  if (last.startsWith("-")) return [...flagWords(args), ...everywhere];
  const subCommands = plain(command.subCommands);
  const isCommandNext = rest.every((word) => word.startsWith("-"));
  if (subCommands !== undefined) return isCommandNext ? commandWords(subCommands) : [];
  const positionals = args.filter(([, { type }]) => type === "positional");
  const given = rest.filter((word, index) => !word.startsWith("-") && !takesValue(args, rest[index - 1] ?? "")).length;
  const [name] = positionals[given] ?? [];
  return name === undefined ? [] : await values(path, name, names);
}

/** The sub-command that is meant where none is named, as in `qn ports`. */
function standardOf(command: CommandDef): CommandDef | undefined {
  const name = plain(command.default);
  const next = name === undefined ? undefined : plain(plain(command.subCommands)?.[name]);
  return next as CommandDef | undefined;
}

async function values(path: string, name: string, names: Names): Promise<readonly Candidate[]> {
  const fixed = valuesOf[`${path} ${name}`] ?? fixedValues[name];
  if (fixed !== undefined) return fixed.map((word) => ({ word, about: "" }));
  if (name === "vm") return (await names.vms()).map((word) => ({ word, about: "VM" }));
  if (name === "image" || path === "image rm") return (await names.images()).map((word) => ({ word, about: "image" }));
  return [];
}

function innermost(root: CommandDef, words: readonly string[]) {
  let command = root;
  let path = "";
  for (const [index, word] of words.entries()) {
    const subCommands = plain(command.subCommands);
    const next = subCommands !== undefined && Object.hasOwn(subCommands, word) ? plain(subCommands[word]) : undefined;
    if (next === undefined) return { command, path, rest: words.slice(index) };
    command = next as CommandDef;
    path = `${path} ${word}`.trim();
  }
  return { command, path, rest: [] };
}

function commandWords(subCommands: SubCommandsDef): Candidate[] {
  return Object.entries(subCommands).flatMap(([word, command]) => {
    const { hidden = false, description = "" } = plain(plain(command)?.meta) ?? {};
    return hidden ? [] : [{ word, about: description }];
  });
}

function flagWords(args: readonly [string, ArgDef][]): Candidate[] {
  return args.flatMap(([name, { type, description = "" }]) =>
    type === "positional" ? [] : [{ word: `--${name}`, about: description }],
  );
}

function flagNamed(args: readonly [string, ArgDef][], word: string): [string, ArgDef] | undefined {
  return args.find(([name, { type }]) => type !== "positional" && word === `--${name}`);
}

function takesValue(args: readonly [string, ArgDef][], word: string): boolean {
  return flagNamed(args, word)?.[1].type === "string";
}

/** citty lets each part of a command be a promise or a function, too; qn's are plain. */
function plain<Value>(part: Value): Exclude<Awaited<Value>, (...args: never[]) => unknown> | undefined {
  if (typeof part === "function" || part instanceof Promise) return undefined;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the other two are ruled out above
  return part as Exclude<Awaited<Value>, (...args: never[]) => unknown>;
}
