/** Runs the command lines in its argument, a list of lists of words in JSON, and ends what each prints with a mark. */
import { writeSync } from "node:fs";
import * as v from "valibot";
import { runCommandLine } from "../../../src/cli/boundary.ts";

for (const line of v.parse(v.array(v.array(v.string())), JSON.parse(process.argv[2] ?? "[]"))) {
  process.exitCode = 0;
  await runCommandLine(line);
  writeSync(1, "\0");
  process.stderr.write(`\0${process.exitCode}\0`);
}
process.exitCode = 0;
