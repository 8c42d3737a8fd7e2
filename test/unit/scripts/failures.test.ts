/** What a long test run shows again at its end. */
import { expect, test } from "bun:test";
import { newFailures } from "../../../scripts/testing/failures.ts";

test("a failed test is kept with what was printed before it, apart for each output, and once", () => {
  const failures = newFailures();
  for (const line of ["(pass) a first one [1.00ms]", "error: a reason", "      at <anonymous> (a.test.ts:1:2)"]) {
    failures.read("one: ", line);
  }
  failures.read("two: ", "(pass) a test of another file [2.00ms]");
  failures.read("one: ", "(fail) a second one [3.00ms]");
  failures.read("one: ", "");
  failures.read("one: ", "1 tests failed:");
  failures.read("one: ", "(fail) a second one [3.00ms]");
  expect(failures.found).toEqual([
    ["one: error: a reason", "one:       at <anonymous> (a.test.ts:1:2)", "one: (fail) a second one [3.00ms]"],
  ]);
});

test("of a test that prints much the end is kept", () => {
  const failures = newFailures();
  for (let line = 1; line <= 500; line += 1) failures.read("", `line ${line}`);
  failures.read("", "(fail) a loud one [1.00ms]");
  const [lines = []] = failures.found;
  expect([lines.length, lines[0], lines.at(-1)]).toEqual([61, "line 441", "(fail) a loud one [1.00ms]"]);
});
