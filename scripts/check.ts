/** `bun run check`: every tool and the unit tests, side by side; with --all the contract tests too. Says what failed, whole. */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { duration } from "../src/base/words.ts";
import { run } from "../src/system/process.ts";
import { bunTest, shellcheck, tools } from "./testing/checks.ts";

const root = join(import.meta.dir, "..");
const timeoutMs = 20_000;

/** All begin at once. What two of them know of the last time, in `dist`, halves their time. */
const checks: Record<string, readonly string[]> = {
  lint: tools.lint,
  types: [...tools.types, "--incremental", "--tsBuildInfoFile", "dist/.types"],
  "unit tests": bunTest(timeoutMs, "--only-failures", "./test/tidy.test.ts", "./test/unit"),
  "dead code": [...tools["dead code"], "--cache", "--cache-location", "dist/.dead-code"],
  format: tools.format,
  ...(Bun.which("shellcheck") === null ? {} : { "shell scripts": shellcheck }),
};

const { values: flags } = parseArgs({ options: { all: { type: "boolean", default: false } } });
const startedMs = performance.now();
const passed = await Promise.all(Object.entries(checks).map(([name, command]) => check(name, command)));
// Contract tests have deadlines of their own, and run when nothing else does.
if (flags.all) passed.push(await check("contract tests", bunTest(timeoutMs, "--only-failures", "./test/contract")));
console.log(
  `${passed.every(Boolean) ? "all is well" : "that failed"}, after ${duration(performance.now() - startedMs)}`,
);
process.exit(passed.every(Boolean) ? 0 : 1);

// --- internal ---

async function check(name: string, command: readonly string[]): Promise<boolean> {
  const beganMs = performance.now();
  const { exitCode, stdout, stderr } = await run(command, { cwd: root });
  const isWell = exitCode === 0;
  if (!isWell) console.log(`==> ${name}: ${command.join(" ")}\n${stdout}${stderr}`);
  console.log(`${isWell ? "ok    " : "failed"}  ${name}, ${duration(performance.now() - beganMs)}`);
  return isWell;
}
