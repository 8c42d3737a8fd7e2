/** The only catch-all: runs a command line, and turns an exception into an error message and an exit status. */
import { renderUsage, runCommand } from "citty";
import { knownError, QnError } from "../base/errors.ts";
import { nearest } from "../base/words.ts";
import { examplesOf } from "./command.ts";
import { commands, root } from "./commands.ts";
import { takeVerbosity } from "./terminal/verbosity.ts";
import { findCommand } from "./tree.ts";
import { version } from "./version.ts";

/** Runs one command line and sets the process's exit status; never rejects. */
export async function runCommandLine(line: readonly string[]): Promise<void> {
  try {
    const { words: argv, wanted } = takeVerbosity(line);
    if (wanted !== "normal") (await import("./terminal/show.ts")).setVerbosity(wanted);
    const [first] = argv;
    if (argv.length === 1 && (first === "--version" || first === "-v")) return print(version);
    if (asksForHelp(argv)) return print(await helpFor(argv));
    if (first === undefined || !Object.hasOwn(commands, first)) throw unknownCommand(first);
    const { command, standard, rest } = await findCommand(root, argv);
    await runCommand(standard ?? command, { rawArgs: [...rest] });
  } catch (error) {
    const { showError } = await import("./terminal/show.ts");
    process.exitCode = showError(toQnError(error));
  }
}

// --- internal ---

/**
 * Prints what was asked for; citty's colours are for a terminal only, and not for who has set NO_COLOR (no-color.org).
 */
function print(text: string): void {
  const isColoured = process.stdout.isTTY && (process.env["NO_COLOR"] ?? "") === "";
  process.stdout.write(`${isColoured ? text : Bun.stripANSI(text)}\n`);
}

/** Help is asked for before a `--`: what follows it belongs to somebody else's command. */
function asksForHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  const own = end < 0 ? argv : argv.slice(0, end);
  return own.includes("--help") || own.includes("-h");
}

/** The help of the innermost command that the line names. */
async function helpFor(argv: readonly string[]): Promise<string> {
  const { command, path } = await findCommand(root, argv);
  // Each command's own name is the whole of it, as in "image build".
  const usage = await renderUsage(command, path === "" ? undefined : { meta: { name: root.name, version } });
  const examples = examplesOf(command).map((line) => `  ${line}\n`);
  return examples.length === 0 ? usage : `${usage}\nEXAMPLES\n\n${examples.join("")}`;
}

function unknownCommand(name: string | undefined): QnError {
  if (name === undefined) return new QnError("USAGE", "No command is given.");
  const near = nearest(name, Object.keys(commands));
  return new QnError("USAGE", `"${name}" is not a command of qn.`, {
    hint: near === undefined ? "`qn --help` lists them." : `Did you mean \`qn ${near}\`?`,
  });
}

/** citty does not export its error class; its errors are the command line's fault. */
function toQnError(error: unknown): QnError {
  if (error instanceof QnError) return error;
  if (error instanceof Error && error.name === "CLIError") {
    // citty colours its messages.
    return new QnError("USAGE", `${Bun.stripANSI(error.message).replace(/\.$/, "")}.`);
  }
  const known = knownError(error);
  if (known.code !== "BUG" || !(error instanceof Error) || error.stack === undefined) return known;
  return new QnError("BUG", known.message, { cause: error, details: error.stack.split("\n").slice(1, 6) });
}
