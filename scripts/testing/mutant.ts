/** A line that is broken on purpose. */

/** One line broken: `text` stands once in `file`, and one of `tests` fails when `by` stands there instead. */
export type Mutant = {
  readonly file: string;
  readonly text: string;
  readonly by: string;
  readonly tests: readonly string[];
};

/** A file, the tests that hold its lines, and the lines: what stands there, and what breaks it. */
export type Rows = readonly [
  file: string,
  tests: readonly string[],
  ...lines: readonly (readonly [text: string, by: string])[],
];

/** The text of its file with the line broken; nothing where it does not stand in there once. */
export function broken(whole: string, { text, by }: Mutant): string | undefined {
  const [before, after, ...more] = whole.split(text);
  return before === undefined || after === undefined || more.length > 0 ? undefined : `${before}${by}${after}`;
}
