/** Tables for a terminal: aligned by what is seen, and harmless whatever stands in them. */
import { expect, test } from "bun:test";
import { tableLines } from "../../../../src/cli/terminal/table.ts";

test("columns are as wide as their widest cell, numbers stand at the right, and no line ends with a space", () => {
  const rows = [
    ["web", "80", "1.5 MiB", ""],
    ["größer-日本", "30000", "0 B", "taken"],
  ];
  expect(tableLines(["NAME", "PORT ", "BYTES ", "LAST ERROR"], rows)).toEqual([
    "NAME          PORT    BYTES  LAST ERROR",
    "web             80  1.5 MiB",
    "größer-日本  30000      0 B  taken",
  ]);
});

test("a cell's control characters are shown, not obeyed", () => {
  expect(tableLines(["NAME"], [["a\u001b[2Jb\r\n\u009bc\u007f"]])).toEqual(["NAME", "a\\x1b[2Jb\\x0d\\x0a\\x9bc\\x7f"]);
});
