/** `--quiet` and `--verbose` on any command line. */
import { expect, test } from "bun:test";
import { takeVerbosity } from "../../../../src/cli/terminal/verbosity.ts";
import { failureOf } from "../../../support/failures.ts";

test("the flags are taken out wherever they stand, but not behind --", () => {
  expect(takeVerbosity(["up", "web"])).toEqual({ words: ["up", "web"], wanted: "normal" });
  expect(takeVerbosity(["--quiet", "up"])).toEqual({ words: ["up"], wanted: "quiet" });
  expect(takeVerbosity(["up", "-q", "web"])).toEqual({ words: ["up", "web"], wanted: "quiet" });
  expect(takeVerbosity(["ssh", "--verbose", "--", "apt", "-q"])).toEqual({
    words: ["ssh", "--", "apt", "-q"],
    wanted: "verbose",
  });
});

test("one cannot be quiet and verbose", async () => {
  expect(await failureOf(async () => takeVerbosity(["-q", "ls", "--verbose"]))).toEqual({
    code: "USAGE",
    message: "--quiet and --verbose do not go together.",
  });
});
