/** What the last line of scripts/test is made from. */
import { expect, test } from "bun:test";
import { countsOf, skipsIn, total, written } from "../../../scripts/testing/counts.ts";

const report = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="5" assertions="0" failures="1" skipped="2" time="0.007">
  <testsuite name="a.test.ts" file="a.test.ts" tests="5" assertions="0" failures="1" skipped="2" time="0.001">
    <testcase name="tests=&quot;9&quot;" file="a.test.ts" line="1" assertions="0" />
  </testsuite>
</testsuites>`;

test("the counts of a run are those of its report", () => {
  expect(countsOf(report, ["a.test.ts"], 1)).toEqual({ passed: 2, failed: 1, skipped: 2 });
});

test("a test file that is not in the report is one failed test", () => {
  expect(countsOf(report, ["a.test.ts", "b.test.ts"], 1)).toEqual({ passed: 2, failed: 2, skipped: 2 });
});

test("a run that failed outside of its tests has one failed test", () => {
  const clean = report.replaceAll('failures="1"', 'failures="0"');
  expect(countsOf(clean, ["a.test.ts"], 1)).toEqual({ passed: 3, failed: 1, skipped: 2 });
});

test("a run that left no report has one failed test for each file", () => {
  expect(countsOf(undefined, ["a.test.ts", "b.test.ts"], 137)).toEqual({ passed: 0, failed: 2, skipped: 0 });
});

test("the tests that were skipped are those of the report, and none of those that ran", () => {
  const cases = `<testcase name="ran" file="a.test.ts" line="1" assertions="0" />
    <testcase name="left &amp; out" classname="" time="0" file="b.test.ts" line="2" assertions="0">
      <skipped />
    </testcase>
    <testcase name="broke" file="a.test.ts"><failure type="AssertionError" /></testcase>`;
  expect(skipsIn(cases)).toEqual([{ file: "b.test.ts", name: "left &amp; out" }]);
  expect(skipsIn(undefined)).toEqual([]);
});

test("the last line names what was skipped only when something was", () => {
  const counts = { passed: 3, failed: 0, skipped: 0 };
  expect(written(counts)).toBe("3 passed, 0 failed");
  expect(written(total([counts, { passed: 1, failed: 2, skipped: 4 }]))).toBe("4 passed, 2 failed, 4 skipped");
});
