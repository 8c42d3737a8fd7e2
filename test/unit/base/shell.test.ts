/** Words for a shell, read by a shell. */
import { expect, test } from "bun:test";
import { quoted, shellLine, shellWord } from "../../../src/base/shell.ts";

const words = [
  "plain",
  "",
  "two words",
  "it's",
  "''",
  "a\nb",
  "$HOME",
  "`id`",
  "\\",
  "*",
  "~",
  "!",
  "-n",
  "ünïcode",
  ";&|<>()",
];

test("a shell reads each word as it was", () => {
  for (const line of [words.map(quoted).join(" "), shellLine(words)]) {
    const { stdout } = Bun.spawnSync(["sh", "-c", `for word in ${line}; do printf '%s\\0' "$word"; done`]);
    expect(stdout.toString().split("\0").slice(0, -1)).toEqual(words);
  }
});

test("a word has quotes only where it needs them", () => {
  expect(["/tmp/x", "a=b,c", "a b", "", "~"].map(shellWord)).toEqual(["/tmp/x", "a=b,c", "'a b'", "''", "'~'"]);
});
