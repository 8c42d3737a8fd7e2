/** Keeps what a test runner printed about each test that failed, to show it once more at the end of a long run. */

/** How many lines before a failure are kept: what the test itself printed, its error and its place. */
const linesMax = 60;

/** Reads a runner's output line by line. */
export type Failures = {
  /** Takes the next line of the output named `label`. */
  read(label: string, line: string): void;
  /** For each test that failed, in order: what was printed since the test before it ended, and its own last line. */
  readonly found: readonly (readonly string[])[];
};

/** Knows the lines with which `bun test` ends a test: "(pass) …", "(fail) …", "(skip) …". */
export function newFailures(): Failures {
  const found: string[][] = [];
  const open = new Map<string, string[]>();
  return {
    found,
    read(label, line) {
      const lines = open.get(label) ?? [];
      lines.push(`${label}${line}`);
      if (!/^\((pass|fail|skip|todo)\) /.test(line)) return void open.set(label, lines.slice(-linesMax));
      open.delete(label);
      // Bun names the failed tests once more at the end, and then without a line of their own before.
      if (line.startsWith("(fail) ") && !found.some((known) => known.at(-1) === lines.at(-1))) found.push(lines);
    },
  };
}
