/**
 * How qn speaks to a person, on standard error: errors with hints, phases with their time (data goes by print.ts). Any
 * of it may be a guest's words.
 */
import { createConsola, type LogObject } from "consola";
import { colors } from "consola/utils";
import type { QnError } from "../../base/errors.ts";
import { plain, plainLines } from "../../base/plain.ts";
import { duration } from "../../base/words.ts";
import { sayAsError } from "../../system/standard-error.ts";
import type { Verbosity } from "./verbosity.ts";

/** Messages go to standard error, so that standard output carries nothing but what was asked for. */
const consola = createConsola({
  // consola would fall silent where a variable TEST or NODE_ENV=test says that it is tested.
  level: 3,
  // consola's own takes `_x_` and one backtick of somebody's words for its marks, and they would be gone.
  reporters: [{ log: (entry) => sayAsError(`${shown(entry)}\n`) }],
});

/** Whether `--verbose` was given. */
let isVerbose = false;

/** Sets the log level. Quiet leaves warnings and errors; verbose adds the stack traces of an error's causes. */
export function setVerbosity(verbosity: Verbosity): void {
  isVerbose = verbosity === "verbose";
  // consola's levels: 0 is errors, 1 warnings, 2 plain lines, 3 success.
  consola.level = verbosity === "quiet" ? 1 : 3;
}

/** Shows an error: what happened, the lines that belong to it, the hint. */
export function showError(error: QnError): void {
  const details = error.details.map((line) => `\n  ${plain(line)}`).join("");
  consola.error(`${plain(error.message)} [${error.code}]${details}\n  ${plainLines(error.hint)}`);
  if (isVerbose) for (const cause of causesOf(error)) consola.log(`  because: ${plainLines(cause)}`);
}

/** A plain sentence, or some lines of them. */
export function say(text: string): void {
  consola.log(plainLines(text));
}

/** Something that is done. */
export function succeed(text: string): void {
  consola.success(plain(text));
}

/** Something that a person should know, though it goes on. */
export function warn(text: string): void {
  consola.warn(plain(text));
}

/** A phase that has begun, with the time since the command did. */
export function showPhase(text: string, sinceMs: number): void {
  consola.log(`${duration(sinceMs).padStart(8)}  ${plain(text)}`);
}

// --- internal ---

/** What stands before a message of each kind. */
const signs: Readonly<Record<string, string>> = {
  error: colors.red("✖"),
  warn: colors.yellow("⚠"),
  success: colors.green("✔"),
};

/** A message as it is printed: what one types stands between backticks, both on one line, and is coloured. */
function shown({ type, args }: LogObject): string {
  const sign = signs[type];
  const text = args.join(" ").replaceAll(/`([^`\n]+)`/g, (_, words: string) => colors.cyan(words));
  return sign === undefined ? text : `${sign} ${text}`;
}

/** The stack traces of an error's chain of causes, from the nearest on. */
function causesOf(error: Error): string[] {
  const causes: string[] = [];
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) causes.push(cause.stack ?? cause.message);
  return causes;
}
