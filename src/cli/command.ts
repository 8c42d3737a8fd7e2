/** Defines a command: citty's, with every mistake on the command line refused before it runs. */
import {
  type ArgDef,
  type ArgsDef,
  type CommandContext,
  type CommandDef,
  type CommandMeta,
  defineCommand as defineCittyCommand,
} from "citty";
import { QnError } from "../base/errors.ts";
import { nearest, meantAsGiB, sizeIn } from "../base/words.ts";

/**
 * What a command takes and does; its name, description and first example stand in the table that it is loaded from
 * (tree.ts). `passthrough`: whatever follows `--` is somebody else's and is not looked at; `words`: any number.
 */
export type CommandParts<Args extends ArgsDef> = {
  /** Whole command lines, for the end of its help, below the one of the table. */
  readonly examples?: readonly string[];
  readonly args?: Args;
  readonly passthrough?: boolean;
  readonly words?: boolean;
  readonly run: (context: CommandContext<Args>) => Promise<void>;
};

/** The optional name of a VM, the same for every command. */
export const vmArg = {
  type: "positional",
  required: false,
  default: "default",
  description: "Name of the VM",
} as const;

/** `--json`, the same for every command that reads. */
export const jsonArg = { type: "boolean", description: "Print JSON" } as const;

/** `--if-exists`, the same for every command that takes something away: a script's clean-up may run twice. */
export const ifExistsArg = { type: "boolean", description: "Succeed also when there is no such VM" } as const;

/** The flags that every command has (verbosity.ts, boundary.ts). */
export const everywhere: readonly (readonly [words: string, text: string])[] = [
  ["-h, --help", "Show this help"],
  ["-q, --quiet", "Print only warnings and errors"],
  ["--verbose", "Print where an error comes from, too"],
];

/** A command, as its file exports it. */
export function defineCommand<const Args extends ArgsDef>(parts: CommandParts<Args>): CommandDef {
  const meta: CommandMeta & { readonly examples: readonly string[] } = { examples: parts.examples ?? [] };
  const typed = defineCittyCommand<Args>({
    meta,
    ...(parts.args === undefined ? {} : { args: parts.args }),
    async run(context) {
      refuseMistakes(context, parts);
      await parts.run(context);
    },
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only `run` knows its arguments, the tree need not
  return typed as unknown as CommandDef;
}

/** The command lines that a command gives as examples. */
export function examplesOf({ meta }: Pick<CommandDef, "meta">): readonly string[] {
  if (typeof meta !== "object" || !("examples" in meta) || !Array.isArray(meta.examples)) return [];
  return meta.examples.map(String);
}

/** What a command takes, by name. citty lets it be a promise or a function, too; those of qn are plain. */
export function argsOf({ args }: Pick<CommandDef, "args">): readonly [string, ArgDef][] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return Object.entries((args ?? {}) as ArgsDef);
}

/** The words before `--`: what follows it belongs to somebody else's command. */
export function wordsBeforeDashes(line: readonly string[]): readonly string[] {
  const dashes = line.indexOf("--");
  return dashes < 0 ? line : line.slice(0, dashes);
}

/** The words behind `--`; nothing when there is no `--`. */
export function wordsBehindDashes(rawArgs: readonly string[]): readonly string[] | undefined {
  const dashes = rawArgs.indexOf("--");
  return dashes < 0 ? undefined : rawArgs.slice(dashes + 1);
}

/** A whole number from the command line. Throws USAGE with the flag and the value. */
export function wholeNumber(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^0*[1-9]\d*$/.test(text)) {
    throw new QnError("USAGE", `--${flag} is "${text}", which is not a whole number above zero.`);
  }
  return Number(text);
}

/**
 * An amount of memory or disk from the command line, in whole MiB or GiB: `8G`, `8GiB`, or a number of that unit.
 * Throws USAGE with `word`, as `--memory` or SIZE, and the value; so few MiB that GiB must be meant are asked about.
 */
export function amount(word: string, unit: "MiB" | "GiB", text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const size = sizeIn(unit, text);
  if (size !== undefined && size > 0 && meantAsGiB(unit, text) === undefined) return size;
  const what = size === undefined || size === 0 ? `no amount such as 4096 (${unit}) or 8G` : `${size} MiB`;
  const hint = size === undefined || size === 0 ? {} : { hint: `Did you mean \`${word} ${size}G\`?` };
  throw new QnError("USAGE", `${word} is "${text}", which is ${what}.`, hint);
}

// --- internal ---

function refuseMistakes<Args extends ArgsDef>(context: CommandContext<Args>, parts: CommandParts<Args>): void {
  const { meta } = context.cmd;
  const command = typeof meta === "object" && "name" in meta ? `qn ${meta.name}` : "qn";
  const definitions = Object.entries<ArgsDef[string]>(parts.args ?? {});
  const flags = definitions.filter(([, { type }]) => type !== "positional");
  const known = new Set(
    flags.flatMap(([name, flag]) => [name, ...("alias" in flag ? [flag.alias ?? []].flat() : [])].flatMap(spellings)),
  );
  const positionals = definitions.filter(([, { type }]) => type === "positional").map(([name]) => name);
  const values: Record<string, unknown> = { ...context.args };
  const given = Object.keys(values).filter((name) => name !== "_" && !positionals.includes(name));
  const mistakes = given
    .filter((name) => !known.has(name))
    .map((name) => {
      const near = nearest(
        name,
        flags.map(([flag]) => flag),
      );
      const hint = near === undefined ? "" : `; did you mean --${near}?`;
      return `${name.length === 1 ? "-" : "--"}${name} is not an option of ${command}${hint}`;
    });
  for (const [name, { type }] of flags) {
    if (type === "string" && values[name] === "") mistakes.push(`--${name} needs a value`);
  }
  const behind = parts.passthrough === true ? (wordsBehindDashes(context.rawArgs)?.length ?? 0) : 0;
  const extra = context.args._.slice(positionals.length, context.args._.length - behind);
  if (extra.length > 0 && parts.words !== true) mistakes.push(`"${extra.join(" ")}" is one argument too many`);
  if (mistakes.length > 0) {
    throw new QnError("USAGE", `${mistakes.join("; ")}.`.replace(/\?\.$/, "?"), {
      hint: `See \`${command} --help\`.`,
    });
  }
}

function spellings(name: string): string[] {
  return [name, name.replaceAll(/-(.)/g, (_match, letter: string) => letter.toUpperCase())];
}
