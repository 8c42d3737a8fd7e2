/** A supervisor with the limits of a test: started like `qn`, as a program of its own. */
import { join } from "node:path";
import { QnError } from "../../src/base/errors.ts";
import { parseFlags } from "../../src/host/config/load.ts";
import { layoutOf } from "../../src/host/layout.ts";
import type { SuperviseOptions } from "../../src/host/supervisor/options.ts";
import { supervise } from "../../src/host/supervisor/run.ts";

/** The limits, in milliseconds; those that are not given are as usual. */
export type TestLimits = SuperviseOptions["limits"];

// Called as `… LIMITS supervise NAME --flags FLAGS`.
const [limits = "{}", , name = "", , flags = "{}"] = process.argv.slice(2);
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());
const layout = layoutOf(process.env["QN_HOME"] ?? join("/", "nowhere"));
try {
  await supervise({
    layout,
    paths: layout.vm(name),
    env: process.env,
    flags: parseFlags(flags),
    version: "0.1.0",
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by fake-vm.ts
    limits: JSON.parse(limits) as TestLimits,
    self: [process.execPath, join(import.meta.dir, "../../src/main.ts")],
    onListening: () => process.stdout.write("listening\n"),
    signal: stop.signal,
  });
} catch (error) {
  process.exitCode = error instanceof QnError ? error.exit : 70;
}
