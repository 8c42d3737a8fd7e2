/** Words as a POSIX shell takes them. */

/**
 * The word as it can stand in a command: bare where no letter of it means anything to a shell, else in single quotes.
 */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
