/** The README's table of commands and the command line say the same. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { commands } from "../../../src/cli/commands.ts";

test("the README names every command that `qn --help` names, and no other", async () => {
  const readme = await Bun.file(join(import.meta.dir, "../../../README.md")).text();
  const named = [...readme.matchAll(/^\| `qn ([\w-]+)` \|/gm)].map(([, name = ""]) => name);
  const shown = Object.entries(commands).filter(([, { hidden }]) => hidden !== true);
  expect(named.toSorted()).toEqual(shown.map(([name]) => name).toSorted());
});
