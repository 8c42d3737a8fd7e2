/** `--quiet` and `--verbose`: taken out of any command line, before the command sees it. */
import { QnError } from "../../base/errors.ts";
import { wordsBeforeDashes } from "../command.ts";

/**
 * The log level on standard error: warnings and errors only; messages too; or the causes of errors with their stacks,
 * too.
 */
export type Verbosity = "quiet" | "normal" | "verbose";

/**
 * The command line without the two flags, and what they ask for. What stands behind `--` is somebody else's. Throws
 * USAGE when both are given.
 */
export function takeVerbosity(argv: readonly string[]): {
  readonly words: readonly string[];
  readonly wanted: Verbosity;
} {
  const own = wordsBeforeDashes(argv);
  const isQuiet = own.some((word) => word === "--quiet" || word === "-q");
  const isVerbose = own.includes("--verbose");
  if (isQuiet && isVerbose) throw new QnError("USAGE", "--quiet and --verbose do not go together.");
  const words = [...own.filter((word) => !flags.includes(word)), ...argv.slice(own.length)];
  return { words, wanted: isQuiet ? "quiet" : isVerbose ? "verbose" : "normal" };
}

// --- internal ---

const flags: readonly string[] = ["--quiet", "-q", "--verbose"];
