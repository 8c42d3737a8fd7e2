/** The README's table of commands and the command line say the same. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { commands } from "../../../src/cli/commands.ts";
import type { Table } from "../../../src/cli/tree.ts";

test("the README names every command that `qn --help` names, and no other", async () => {
  const readme = await Bun.file(join(import.meta.dir, "../../../README.md")).text();
  const named = [...readme.matchAll(/^\| `qn ([\w-]+)` \|/gm)].map(([, name = ""]) => name);
  const shown = Object.entries(commands).filter(([, { hidden }]) => hidden !== true);
  expect(named.toSorted()).toEqual(shown.map(([name]) => name).toSorted());
});

test("the README names every command that gives JSON, and no other", async () => {
  const readme = await Bun.file(join(import.meta.dir, "../../../README.md")).text();
  const [, sentence = ""] =
    /`--json` gives programs what ([^.]*) show, and a failure as an object, too\./.exec(
      readme.replaceAll(/\s+/g, " "),
    ) ?? [];
  const named = [...sentence.matchAll(/`([\w -]+)`/g)].map(([, name = ""]) => name);
  expect(named).toEqual((await withJson(commands)).toSorted());
});

/** The commands that have a flag `--json`, by the words that call them; hidden ones are nobody's. */
async function withJson(table: Table, above = ""): Promise<string[]> {
  const shown = Object.entries(table).filter(([, { hidden }]) => hidden !== true);
  const found = shown.map(async ([word, { load }]) => {
    const { command } = await load();
    const name = `${above} ${word}`.trim();
    if ("commands" in command) return await withJson(command.commands, name);
    return command.args !== undefined && "json" in command.args ? [name] : [];
  });
  return (await Promise.all(found)).flat();
}
