/** Keeps what each step of a test run counted and how long it took, and shows it. */
import { duration } from "../../src/base/words.ts";
import { newFailures } from "./failures.ts";
import { none, total, written, type Counts } from "./counts.ts";

type Result = { readonly name: string; readonly counts: Counts; readonly ms: number };

/** The results of a run so far. */
export type Report = {
  /** Runs a step, shows its name and its counts; one that throws counts as one failed test. */
  step(name: string, action: () => Promise<Counts>): Promise<Counts>;
  /** Shows a line of a test runner's output, with `label` before it, and keeps those of tests that fail. */
  line(label: string, line: string): void;
  /** Shows once more what failed, a table with all steps, and as the last line the sum. Returns the sum. */
  finish(): Counts;
};

/** A report without results. Nothing runs any more once `interruption` fires; that counts as one failed test. */
export function newReport(interruption: AbortSignal): Report {
  const results: Result[] = [];
  const failures = newFailures();
  const startedMs = performance.now();
  return {
    async step(name, action) {
      if (interruption.aborted) return none;
      console.log(`\n==> ${name} (after ${duration(performance.now() - startedMs)})`);
      const stepStartedMs = performance.now();
      const counts = await countsOrFailure(action);
      const ms = performance.now() - stepStartedMs;
      results.push({ name, counts, ms });
      console.log(`    ${name}: ${written(counts)} in ${duration(ms)}`);
      return counts;
    },
    line(label, line) {
      console.log(`${label}${line}`);
      failures.read(label, line);
    },
    finish() {
      for (const lines of failures.found) console.log(`\n==> failed:\n${lines.join("\n")}`);
      const all = results.map(({ counts }) => counts);
      const sum = total(interruption.aborted ? [...all, { ...none, failed: 1 }] : all);
      const width = Math.max(0, ...results.map(({ name }) => name.length));
      console.log(
        `\n==> ${duration(performance.now() - startedMs)} in all${interruption.aborted ? ", interrupted" : ""}`,
      );
      for (const { name, counts, ms } of results) {
        console.log(`    ${name.padEnd(width)}  ${duration(ms).padStart(12)}  ${written(counts)}`);
      }
      console.log(written(sum));
      return sum;
    },
  };
}

// --- internal ---

async function countsOrFailure(action: () => Promise<Counts>): Promise<Counts> {
  try {
    return await action();
  } catch (error) {
    console.log(`    ${error instanceof Error ? error.message : String(error)}`);
    return { ...none, failed: 1 };
  }
}
