/** Shell blocks of pages: "```sh run" says of itself that the long tests type it, line by line. */

/** A block: whether it is typed, and what is in it. */
export type ShellBlock = { readonly isRun: boolean; readonly code: string };

/** All of a page's, in their order. */
export function shellBlocks(page: string): readonly ShellBlock[] {
  return [...page.matchAll(/^ *```sh( run)?\n(.*?)^ *```$/gms)].map(([, run, code = ""]) => ({
    isRun: run !== undefined,
    code,
  }));
}

/** A block's lines as they are typed, without the remarks at their ends. */
export function typedLines(code: string): readonly string[] {
  return code
    .trim()
    .split("\n")
    .map((line) => line.trim().replace(/\s+# .*$/, ""));
}

/** The files that a page shows whole, by name: "```yaml file=compose.yaml". */
export function filesOf(page: string): ReadonlyMap<string, string> {
  return new Map(
    [...page.matchAll(/^```\w+ file=(\S+)\n(.*?)^```$/gms)].map(([, name = "", content = ""]) => [name, content]),
  );
}
