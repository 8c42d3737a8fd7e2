/**
 * Breaks the lines of scripts/testing/mutants.ts one by one, each in a copy of the tree, and looks whether a test fails.
 * With WORDs only those whose file has one of them in its path. Ends with 1 when a line can be broken unseen, and when
 * one is not to be found any more.
 */
import { cp, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { duration } from "../src/base/words.ts";
import { bunTest } from "./testing/checks.ts";
import { runChild } from "./testing/child.ts";
import { copyWhole } from "./testing/copy-whole.ts";
import { endProcessesOf } from "./testing/left-behind.ts";
import { broken, type Mutant } from "./testing/mutant.ts";
import { mutants } from "./testing/mutants.ts";

const root = join(import.meta.dir, "..");
const wanted = process.argv.slice(2);
/** A broken line may well keep a test waiting for ever; `all` is for all tests with none broken. */
const deadlinesMs = { test: 20_000, run: 120_000, all: 900_000 };

const interruption = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interruption.abort());

const chosen = mutants().filter(({ file }) => wanted.length === 0 || wanted.some((word) => file.includes(word)));
const startedMs = performance.now();
const copies = await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, copyOfTree));
try {
  process.exitCode = await breakAll(copies);
} finally {
  for (const copy of copies) await rm(copy, { recursive: true, force: true });
}

// --- internal ---

/**
 * What came of a broken line. Tests that cannot be loaded with it show nothing, and those that this machine skips may be
 * seen to elsewhere.
 */
type Outcome = "seen" | "skipped" | "not seen" | "not loaded" | "not found";

async function breakAll([first = "", ...others]: readonly string[]): Promise<number> {
  if (chosen.length === 0) throw new Error(`No line of ${wanted.join(" or ")} is in the table.`);
  const tests = [...new Set(chosen.flatMap((mutant) => mutant.tests))];
  const whole = await runTests(first, tests, deadlinesMs.all);
  if (whole.status !== 0) {
    console.log(["The tests fail with no line broken:", ...whole.failed].join("\n"));
    return 1;
  }
  const waiting = [...chosen];
  const counts: Record<Outcome, number> = { seen: 0, skipped: 0, "not seen": 0, "not loaded": 0, "not found": 0 };
  const worker = async (copy: string): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined && !interruption.signal.aborted; next = waiting.shift()) {
      const outcome = await tried(copy, next);
      counts[outcome] += 1;
      if (outcome !== "seen") console.log(`${outcome}: ${next.file}: ${next.text.trim()}  ->  ${next.by.trim()}`);
    }
  };
  await Promise.all([first, ...others].map(worker));
  const told = Object.entries(counts).map(([outcome, count]) => `${count} ${outcome}`);
  console.log(`${chosen.length} lines broken in ${duration(performance.now() - startedMs)}: ${told.join(", ")}`);
  return counts.seen + counts.skipped === chosen.length ? 0 : 1;
}

/** What is there but for what is made and what is fetched; the libraries are the tree's own. */
async function copyOfTree(): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), "qn-mutate-"));
  const names = (await readdir(root)).filter((name) => !["node_modules", "dist", ".git"].includes(name));
  await Promise.all(names.map((name) => cp(join(root, name), join(copy, name), { recursive: true })));
  // No link: tests start programs as users who may not read where it would lead.
  await copyWhole(join(root, "node_modules"), copy);
  return copy;
}

async function tried(copy: string, mutant: Mutant): Promise<Outcome> {
  const path = join(copy, mutant.file);
  const text = await Bun.file(path).text();
  const without = broken(text, mutant);
  if (without === undefined) return "not found";
  await writeFile(path, without);
  const { status, passed, failed } = await runTests(copy, mutant.tests, deadlinesMs.run);
  await writeFile(path, text);
  if (status === 0) return passed.length > 0 ? "not seen" : "skipped";
  return failed.length > 0 ? "seen" : "not loaded";
}

/** Runs tests up to the first that fails; gives back the runner's status, and its lines about what has run. */
async function runTests(copy: string, tests: readonly string[], deadlineMs: number) {
  const [passed, failed]: [string[], string[]] = [[], []];
  const status = await runChild(bunTest(deadlinesMs.test, "--bail=1", ...tests.map((path) => `./${path}`)), {
    cwd: copy,
    deadlineMs,
    interruption: interruption.signal,
    onLine(line) {
      if (line.startsWith("(pass) ")) passed.push(line);
      if (line.startsWith("(fail) ")) failed.push(line);
    },
  });
  // A test that was broken off leaves its programs behind, which have the copy's name.
  await endProcessesOf(copy);
  return { status, passed, failed };
}
