/** Runs every check and every test, as scripts/test calls it after the set-up. Its last line counts them. */
import { rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { Glob } from "bun";
import { readTextIfThere } from "../src/system/files.ts";
import { ordinaryAccount, ownAccount, type Account } from "./testing/account.ts";
import { bunTest, shellcheck, tools } from "./testing/checks.ts";
import { runChild } from "./testing/child.ts";
import { ensureClients } from "./testing/clients.ts";
import { countsOf, none, skipsIn, total, type Counts } from "./testing/counts.ts";
import { ensureDockerCli } from "./testing/docker-cli.ts";
import { unexpectedOf } from "./testing/expected-skips.ts";
import { endProcessesOf } from "./testing/left-behind.ts";
import { newReport } from "./testing/report.ts";

const root = join(import.meta.dir, "..");
const bun = "node_modules/.bin/bun";
/** A test that needs longer than `test` says so itself; the 5 s that Bun gives are short on a busy machine. */
const deadlinesMs = {
  test: 20_000,
  check: 300_000,
  lines: 3_600_000,
  image: 900_000,
  suite: 1_200_000,
  long: 5 * 3_600_000,
};

/** What tests look for by the name of a variable, an ordinary user's as root's: Nix' libraries. */
const named = ["NIXPKGS_LIB", "NIX_DARWIN", "HOME_MANAGER"] as const;

/** What a long run tries with mounts that QEMU serves by 9p, too, as on a Mac; each run has e2e/files on it. */
const alsoOn9p = ["changes", "whole-path", "as-root.root"].map((name) => `test/e2e/${name}.test.ts`);

/** Each counts as one test. */
const checks = { ...tools, "shell scripts": shellcheck };
const brokenLines = [bun, "scripts/mutate.ts"];

const interruption = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interruption.abort());
const report = newReport(interruption.signal);
const isRoot = process.getuid?.() === 0;
const { values: flags, positionals: wanted } = parseArgs({
  options: { long: { type: "boolean", default: false } },
  allowPositionals: true,
});

if (wanted.length === 0) {
  for (const [name, command] of Object.entries(checks)) await report.step(name, () => check(command));
}
const built = await report.step("build", async () => mustSucceed(await child([bun, "scripts/build.ts"], root)));
if (flags.long && wanted.length === 0) await report.step("broken lines", () => check(brokenLines, deadlinesMs.lines));
if (built.failed === 0) await twoAtOnce([...(wanted.length === 0 ? [withoutVm] : []), ...(await endToEnd())]);
const { failed } = report.finish();
process.exit(interruption.signal.aborted ? 130 : Math.min(failed, 1));

// --- internal ---

/** What needs no VM: half of its time it waits, so it runs beside the first file that has one. */
function withoutVm(): Promise<unknown> {
  const name = "unit and contract tests";
  const files = ["test/tidy.test.ts", ...testFiles("test/{unit,contract}/**/*.test.ts")];
  return report.step(name, () => suite(ownAccount(root), files, `${name}: `));
}

/**
 * Gets ready for end-to-end tests and gives back what runs them: `*.root.test.ts` as root only, all others as an ordinary
 * user, and in a long run as root too. What would need root is skipped where there is none, and says so: each file as one
 * test.
 */
async function endToEnd(): Promise<(() => Promise<unknown>)[]> {
  const long = flags.long ? testFiles("test/long/**/*.test.ts") : [];
  const short = testFiles("test/e2e/**/*.test.ts").toSorted((a, b) => bytesOf(b) - bytesOf(a));
  const all = [...short, ...long].filter(isNamed);
  if (all.length === 0) {
    await report.step("end to end", () => Promise.reject(new Error(`No test has ${wanted.join(" or ")} in its path.`)));
    return [];
  }
  const asRoot = flags.long ? all : all.filter((path) => path.endsWith(".root.test.ts"));
  const asOrdinary = all.filter((path) => !path.endsWith(".root.test.ts"));
  let account = ownAccount(root);
  await report.step("docker command", async () => {
    await ensureDockerCli(join(root, "dist/tools"));
    return none;
  });
  if (flags.long) {
    await report.step("Docker's clients", async () => {
      await ensureClients(join(root, "dist/tools"));
      return none;
    });
  }
  if (isRoot) {
    const ready = await report.step("ordinary user", async () => {
      account = await ordinaryAccount(root);
      return none;
    });
    if (ready.failed > 0) return [];
  }
  const images = await report.step("guest image", () => guestImage(account));
  if (images.failed > 0) return [];
  const suites: Suite[] = asOrdinary.map((path) => ({ account, path }));
  // First, since the shortest come last: no worker is to wait long for the other.
  if (isRoot) suites.unshift(...asRoot.map((path) => ({ account: { ...ownAccount(root), tree: account.tree }, path })));
  else await report.step("end to end as root", () => skipped(asRoot));
  const again = flags.long && process.platform === "linux" ? suites.filter(({ path }) => alsoOn9p.includes(path)) : [];
  return [...suites, ...again.map((each) => ({ ...each, more: { QN_FILES_DRIVER: "9p" } }))].map(
    ({ account: who, path, more }) => {
      const name = `${basename(path, ".test.ts")} as ${who.name}${more === undefined ? "" : ", on 9p"}`;
      return () => report.step(name, () => suite(who, [path], `${name}: `, more));
    },
  );
}

/** A file of tests, who runs it, and variables by which its VMs are other ones. */
type Suite = { readonly account: Account; readonly path: string; readonly more?: Readonly<Record<string, string>> };

function isNamed(path: string): boolean {
  return wanted.length === 0 || wanted.some((word) => path.includes(word));
}

/** An emulated guest keeps about one processor busy: as many files at once as that allows, two at most. */
async function twoAtOnce(works: readonly (() => Promise<unknown>)[]): Promise<void> {
  const waiting = [...works];
  const worker = async (): Promise<void> => {
    for (let work = waiting.shift(); work !== undefined; work = waiting.shift()) await work();
  };
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, worker));
}

async function skipped(paths: readonly string[]): Promise<Counts> {
  for (const path of paths) console.log(`    ${basename(path)} is skipped: it needs root`);
  return { ...none, skipped: paths.length };
}

async function check(command: readonly string[], deadlineMs?: number): Promise<Counts> {
  if (command[0] === "shellcheck" && Bun.which("shellcheck") === null) {
    console.log("    skipped: shellcheck is not there");
    return { ...none, skipped: 1 };
  }
  return (await child(command, root, deadlineMs)) === 0 ? { ...none, passed: 1 } : { ...none, failed: 1 };
}

/** The image that all end-to-end tests share: built once, below `dist/e2e`, where test/support/temp-home.ts takes it from. */
async function guestImage(account: Account): Promise<Counts> {
  const { tree } = account;
  const build = account.command([join(tree, "dist/qn"), "image", "build"], {
    PATH: searchPath(tree),
    QN_HOME: join(tree, "dist/e2e"),
  });
  return mustSucceed(await child(build, tree, deadlinesMs.image));
}

/** One `bun test` run, its output with `label`. Whatever it leaves running is ended, and fails one more test. */
async function suite(
  account: Account,
  files: readonly string[],
  label: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Counts> {
  if (files.length === 0) return none;
  const folder = await account.newFolder();
  const reportPath = join(folder, "report.xml");
  try {
    const [program = "", ...words] = bunTest(deadlinesMs.test, "--reporter=junit", `--reporter-outfile=${reportPath}`);
    // Published ports are on this machine, so no proxy may be asked for them.
    const noProxy = "127.0.0.1,localhost,::1";
    const usual = { PATH: searchPath(account.tree), QN_TEST_FOLDER: folder, NO_PROXY: noProxy, ...namedVariables() };
    const env = { ...usual, ...more };
    const command = account.command([join(account.tree, program), ...words, ...files.map((path) => `./${path}`)], env);
    const deadlineMs = files.some((path) => path.startsWith("test/long/")) ? deadlinesMs.long : deadlinesMs.suite;
    const status = await child(command, account.tree, deadlineMs, (line) => report.line(label, line));
    const told = await readTextIfThere(reportPath);
    const unexpected = unexpectedOf(skipsIn(told));
    for (const { file, name } of unexpected) console.log(`    ${label}skipped, and nobody knows why: ${file}: ${name}`);
    const left = await endProcessesOf(folder);
    for (const { pid, command: words } of left) console.log(`    ${label}left running by a test: ${pid} ${words}`);
    const counts = countsOf(told, files, status);
    return total([counts, { ...none, failed: unexpected.length + (left.length > 0 ? 1 : 0) }]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function child(
  command: readonly string[],
  cwd: string,
  deadlineMs: number = deadlinesMs.check,
  onLine?: (line: string) => void,
): Promise<number> {
  return runChild(command, { cwd, deadlineMs, interruption: interruption.signal, ...(onLine && { onLine }) });
}

function mustSucceed(status: number): Counts {
  return status === 0 ? none : { ...none, failed: 1 };
}

/** Those of the named variables that are set. */
function namedVariables(): Record<string, string> {
  return Object.fromEntries(named.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

function searchPath(tree: string): string {
  return `${process.env["PATH"] ?? ""}:${join(tree, "dist/tools")}`;
}

/** How much there is of a file and its parts, which lie in a folder of its name: what has more of it takes longer, and begins first. */
function bytesOf(path: string): number {
  const parts = testFiles(path.replace(/\.test\.ts$/, "/**/*.ts"));
  return [path, ...parts].reduce((sum, each) => sum + Bun.file(join(root, each)).size, 0);
}

function testFiles(pattern: string): string[] {
  return [...new Glob(pattern).scanSync({ cwd: root })].toSorted();
}
