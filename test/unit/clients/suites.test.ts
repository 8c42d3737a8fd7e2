/** How the words of other people's test runners are read (test/clients). */
import { expect, test } from "bun:test";
import { goVerdict, mochaVerdict, pytestVerdict, vitestVerdict } from "../../clients/suites.ts";

test("pytest: tests by their names, and one that fails in its clean-up too is one that failed", () => {
  const lines = [
    "PASSED tests/integration/api_exec_test.py::ExecTest::test_run",
    "PASSED tests/integration/api_exec_test.py::ExecTest::test_two",
    "SKIPPED [2] tests/integration/api_build_test.py:9: not here",
    "ERROR tests/integration/api_exec_test.py::ExecTest::test_two - OSError",
    "FAILED tests/integration/api_image_test.py::ImageTest::test_pull - NotFound",
    "  PASSED in what a test has printed",
  ];
  expect(pytestVerdict(lines.join("\n"))).toEqual({
    passed: 1,
    skipped: 2,
    failed: ["ImageTest::test_pull", "ExecTest::test_two"],
  });
});

test("Go: a test with parts is one test, and a program that panics has failed", () => {
  const lines = [
    "--- PASS: TestOne (0.1s)",
    "    --- PASS: TestOne/part (0.1s)",
    "--- SKIP: TestTwo (0.0s)",
    "--- FAIL: TestThree (0.0s)",
    "    --- FAIL: TestThree/part (0.0s)",
    "panic: test timed out after 10m0s",
  ];
  const failed = ["TestThree", "panic: test timed out after 10m0s"];
  expect(goVerdict(lines.join("\n"))).toEqual({ passed: 1, skipped: 1, failed });
});

test("mocha and vitest: the result is read behind what the tests print, and a file that does not load has failed", () => {
  const mocha = { stats: { passes: 3, pending: 1 }, failures: [{ fullTitle: "#image should pull" }] };
  expect(mochaVerdict(`{\n  "stats" is what a test prints\n${JSON.stringify(mocha, null, 2)}`)).toEqual({
    passed: 3,
    skipped: 1,
    failed: ["#image should pull"],
  });
  const assertionResults = [
    { status: "passed", fullName: "Network starts" },
    { status: "failed", fullName: "Network stops" },
    { status: "skipped", fullName: "Network waits" },
  ];
  const testResults = [
    { name: "/x/src/network/network.test.ts", status: "failed", assertionResults },
    { name: "/x/src/reaper/reaper.test.ts", status: "failed", assertionResults: [] },
  ];
  expect(vitestVerdict(JSON.stringify({ numTotalTestSuites: 2, testResults }))).toEqual({
    passed: 1,
    skipped: 1,
    failed: ["Network stops", "reaper/reaper.test.ts"],
  });
});

test("a run that ends without a result is an error that shows what it said last", () => {
  for (const verdict of [mochaVerdict, vitestVerdict]) expect(() => verdict("Killed")).toThrow("Killed");
});
