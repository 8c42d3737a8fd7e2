/** Quoting for a shell, as a shell itself reads it. */
import { expect, test } from "bun:test";
import { quoted } from "../../../src/base/shell.ts";

const words = [
  "plain-1.0/path_x",
  "",
  "two words",
  "it's",
  "'",
  "''",
  '$HOME `id` \\ "x"',
  "new\nline",
  "~",
  "*",
  "ü",
  "-n",
  "a;b&c|d",
];

test("a shell reads back every word that is quoted, and a plain one stays as it is", () => {
  const { stdout } = Bun.spawnSync(["sh", "-c", `printf '%s\\0' ${words.map(quoted).join(" ")}`]);
  expect(stdout.toString().split("\0").slice(0, -1)).toEqual(words);
  expect(quoted("/srv/data:ro")).toBe("/srv/data:ro");
});
