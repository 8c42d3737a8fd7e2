/** How many tests passed, failed and were skipped: read from what the runners said, added up, and written down. */

export type Counts = { readonly passed: number; readonly failed: number; readonly skipped: number };

/** Nothing was counted yet. */
export const none: Counts = { passed: 0, failed: 0, skipped: 0 };

/** The sum of several counts. */
export function total(all: readonly Counts[]): Counts {
  return all.reduce(
    (sum, { passed, failed, skipped }) => ({
      passed: sum.passed + passed,
      failed: sum.failed + failed,
      skipped: sum.skipped + skipped,
    }),
    none,
  );
}

/** "12 passed, 0 failed", and ", 3 skipped" when there are any. */
export function written({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped === 0 ? "" : `, ${skipped} skipped`}`;
}

/**
 * The counts of one `bun test` run. `report` is the JUnit file that it wrote, if it came that far. Bun leaves out of it
 * a file that it could not load, and an error outside of a test: each of `files` that is not in the report is one failed
 * test, and a run that failed has at least one.
 */
export function countsOf(report: string | undefined, files: readonly string[], exitCode: number): Counts {
  const summary = /<testsuites\b[^>]*>/.exec(report ?? "")?.[0] ?? "";
  const reported = new Set([...(report ?? "").matchAll(/<testsuite\b[^>]*\bfile="([^"]*)"/g)].map(([, file]) => file));
  const lost = files.filter((file) => !reported.has(file)).length;
  const failures = attribute(summary, "failures") + attribute(summary, "errors");
  const skipped = attribute(summary, "skipped");
  const failed = Math.max(failures + lost, exitCode === 0 ? 0 : 1);
  return { passed: attribute(summary, "tests") - failures - skipped, failed, skipped };
}

/** A test that was skipped, as the report has it: its name is escaped as XML wants it. */
export type Skip = { readonly file: string; readonly name: string };

/** The tests that were skipped. */
export function skipsIn(report: string | undefined): readonly Skip[] {
  const found = (report ?? "").matchAll(/<testcase\b([^>]*[^/])>\s*<skipped\b/g);
  return [...found].map(([, tag = ""]) => ({ file: textOf(tag, "file"), name: textOf(tag, "name") }));
}

// --- internal ---

function textOf(tag: string, name: string): string {
  return new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? "";
}

function attribute(tag: string, name: string): number {
  return Number(textOf(tag, name));
}
