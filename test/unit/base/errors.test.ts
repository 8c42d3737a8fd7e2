/** The catalogue of failures, and failures that cross from one process to another. */
import { expect, test } from "bun:test";
import { type ErrorReport, errorOf, errorTable, isErrorCode, QnError, reportOf } from "../../../src/base/errors.ts";

test("no two failures share an exit status, and none has one that means something else", () => {
  const exits = errorTable().map(({ exit }) => exit);
  expect(exits.length).toBe(new Set(exits).size);
  // 0 is success, 2 is what shells say of misuse of a builtin, 126 and 127 of programs that cannot be run.
  expect(exits.filter((exit) => [0, 2, 126, 127].includes(exit) || exit < 0 || exit > 255)).toEqual([]);
});

test("every hint is one sentence or more, with an end", () => {
  expect(errorTable().filter(({ hint }) => !/^[A-Z`].*\.$/.test(hint))).toEqual([]);
});

test("a failure that was reported and read again is the same failure", () => {
  const failure = new QnError("QEMU_FAILED", "QEMU ended with status 1.", { hint: "Try again.", details: ["a", "b"] });
  const copy = errorOf(JSON.parse(JSON.stringify(reportOf(failure))) as ErrorReport);
  const { code, message, hint, details, exit, name } = failure;
  expect({ code, message, hint, details, exit, name }).toEqual({
    code: copy.code,
    message: copy.message,
    hint: copy.hint,
    details: copy.details,
    exit: copy.exit,
    name: copy.name,
  });
  expect([exit, hint]).toEqual([30, "Try again."]);
});

test("a failure without a hint of its own has the catalogue's", () => {
  expect(new QnError("NOT_RUNNING", "It is stopped.").hint).toBe("Start it with `qn up`.");
});

test("a machine's disk that is full or read-only is no mistake of qn's", () => {
  const told = ["ENOSPC", "EDQUOT", "EROFS"].map((code) =>
    reportOf(Object.assign(new Error(`${code}: write`), { code })),
  );
  expect(told.map(({ code, message }) => [code, message])).toEqual([
    ["DISK_FAILED", "This machine's disk cannot be written to: ENOSPC: write."],
    ["DISK_FAILED", "This machine's disk cannot be written to: EDQUOT: write."],
    ["DISK_FAILED", "This machine's disk cannot be written to: EROFS: write."],
  ]);
});

test("whatever else was thrown is reported as a mistake of qn's own", () => {
  const reports = [new TypeError("x is not a function"), "text", undefined].map(reportOf);
  const hint = "This is a mistake in qn; please report it with the output of `qn logs`.";
  expect(reports).toEqual([
    { code: "BUG", message: "x is not a function", hint, details: [] },
    { code: "BUG", message: "text", hint, details: [] },
    { code: "BUG", message: "undefined", hint, details: [] },
  ]);
});

test("only codes of the catalogue are codes, whatever objects inherit", () => {
  expect(["BUG", "bug", "toString", "constructor", ""].map(isErrorCode)).toEqual([true, false, false, false, false]);
});
