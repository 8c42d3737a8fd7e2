/** The only catch-all: runs a command line, and turns an exception into an error message and an exit status. */
import { runCommand } from "citty";
import { knownError, QnError } from "../base/errors.ts";
import { nearest } from "../base/words.ts";
import { wordsBeforeDashes } from "./command.ts";
import { root } from "./commands.ts";
import { output } from "./terminal/output.ts";
import { takeVerbosity } from "./terminal/verbosity.ts";
import { findCommand, type Found, type Group } from "./tree.ts";
import { ownBuild, versionLine } from "./version.ts";

/** Runs one command line and sets the process's exit status; never rejects. */
export async function runCommandLine(line: readonly string[]): Promise<void> {
  let name = "qn";
  try {
    const { words: argv, wanted } = takeVerbosity(line);
    if (wanted !== "normal") (await import("./terminal/show.ts")).setVerbosity(wanted);
    const { words, isHelp } = helpIn(versionInWords(argv));
    // The table of commands is not asked: it is what other programs ask for most often.
    if (words.length === 1 && words[0] === "version" && !isHelp) return print([versionLine(ownBuild())]);
    const found = await findCommand(root, words);
    refuseUnknown(found);
    const { command, group, standard, rest } = found;
    if (isHelp || (group !== undefined && standard === undefined)) return await printHelp(found);
    name = `qn ${found.path}`;
    await runCommand(standard ?? command, { rawArgs: [...rest] });
  } catch (error) {
    const known = toQnError(error, name);
    process.exitCode = known.exit;
    if (asksForJson(line)) return (await import("./terminal/print.ts")).printFailure(known);
    (await import("./terminal/show.ts")).showError(known);
  }
}

// --- internal ---

/** Headings are bold on a terminal, and not for who has set NO_COLOR (no-color.org). */
async function printHelp(found: Found): Promise<void> {
  const { helpLines, isHeading } = await import("./help.ts");
  const isColoured = process.stdout.isTTY && (process.env["NO_COLOR"] ?? "") === "";
  // What is read by a program is as wide as a usual terminal.
  const lines = helpLines(root, found, process.stdout.isTTY ? process.stdout.columns : 80);
  print(isColoured ? lines.map((line) => (isHeading(line) ? `\u001b[1m${line}\u001b[0m` : line)) : lines);
}

function print(lines: readonly string[]): void {
  output(lines.map((line) => `${line}\n`).join(""));
}

/** The same line with the command in the place of the flag for it: `--version --json` is `version --json`. */
function versionInWords(argv: readonly string[]): readonly string[] {
  const [first, ...rest] = argv;
  return first === "--version" || first === "-v" ? ["version", ...rest] : argv;
}

/** Whether help is asked for, by `help` in front or a flag anywhere, and the line without that. */
function helpIn(argv: readonly string[]): { readonly words: readonly string[]; readonly isHelp: boolean } {
  const own = wordsBeforeDashes(argv);
  if (own[0] === "help") return { words: own.slice(1).filter((word) => !isHelpFlag(word)), isHelp: true };
  return own.some(isHelpFlag)
    ? { words: own.filter((word) => !isHelpFlag(word)), isHelp: true }
    : { words: argv, isHelp: false };
}

function isHelpFlag(word: string): boolean {
  return word === "--help" || word === "-h";
}

/** Programs that asked for JSON read a failure as such, too; also where the line is wrong. As citty reads the flag. */
function asksForJson(argv: readonly string[]): boolean {
  const own = wordsBeforeDashes(argv);
  const last = own.findLast((word) => word === "--json" || word.startsWith("--json="));
  return last !== undefined && last !== "--json=false" && !own.includes("--no-json");
}

/** Throws USAGE for a word that calls nothing where only a command can stand. */
function refuseUnknown({ path, group, standard, rest }: Found): void {
  const [word] = rest;
  if (group === undefined || standard !== undefined || word === undefined) return;
  const name = ["qn", ...(path === "" ? [] : [path])].join(" ");
  throw new QnError("USAGE", `"${word}" is not ${word.startsWith("-") ? "an option" : "a command"} of ${name}.`, {
    hint: suggestion(name, group, word) ?? `\`${name} --help\` lists them.`,
  });
}

/** What somebody may have meant: a word that another program has for it, or one that is nearly there. */
function suggestion(name: string, { commands, habits = {} }: Group, word: string): string | undefined {
  const habit = Object.hasOwn(habits, word) ? habits[word] : undefined;
  if (habit !== undefined) return habit.endsWith(".") ? habit : `Did you mean \`${habit}\`?`;
  const near = nearest(
    word,
    Object.entries(commands).flatMap(([own, { aliases = [], hidden }]) => (hidden === true ? [] : [own, ...aliases])),
  );
  return near === undefined ? undefined : `Did you mean \`${name} ${near}\`?`;
}

/** A mistake in a command's line leads to that command's help, unless something better is known. */
function withHelpOf(name: string, error: QnError): QnError {
  const { code, message, hint, details } = error;
  if (code !== "USAGE" || hint !== new QnError("USAGE", "").hint) return error;
  return new QnError(code, message, { cause: error.cause, details, hint: `See \`${name} --help\`.` });
}

/** citty does not export its error class; its errors are the command line's fault. */
function toQnError(error: unknown, name: string): QnError {
  if (error instanceof QnError) return withHelpOf(name, error);
  if (error instanceof Error && error.name === "CLIError") {
    // citty colours its messages.
    const said = Bun.stripANSI(error.message).replace(/\.$/, "");
    const [, missing] = /^Missing required positional argument: (.+)$/.exec(said) ?? [];
    return new QnError("USAGE", `${missing === undefined ? said : `${missing} is missing`}.`, {
      hint: `See \`${name} --help\`.`,
    });
  }
  const known = knownError(error);
  if (known.code !== "BUG" || !(error instanceof Error) || error.stack === undefined) return known;
  return new QnError("BUG", known.message, { cause: error, details: error.stack.split("\n").slice(1, 6) });
}
