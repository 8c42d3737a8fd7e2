/** `--help` of every command: it ends with examples that are command lines of that very command. */
import { expect, test } from "bun:test";
import type { ArgsDef, CommandDef } from "citty";
import { examplesOf } from "../../../src/cli/command.ts";
import { commands, root } from "../../../src/cli/commands.ts";
import { findCommand, type Table } from "../../../src/cli/tree.ts";

/** Every command that a person sees, by the words that call it. */
async function visible(table: Table, above: readonly string[] = []): Promise<(readonly [string, CommandDef])[]> {
  const shown = Object.entries(table).filter(([, { hidden }]) => hidden !== true);
  const found = await Promise.all(
    shown.map(async ([word]): Promise<(readonly [string, CommandDef])[]> => {
      const { path, command, table: below } = await findCommand(root, [...above, word]);
      return below === undefined ? [[path, command]] : await visible(below, [...above, word]);
    }),
  );
  return found.flat();
}

const all = await visible(commands);

test("every command has an example, and each one calls it", () => {
  const wrong = all.flatMap(([name, each]) => {
    const lines = examplesOf(each);
    return lines.length > 0 && lines.every((line) => `${line} `.includes(`qn ${name}`)) ? [] : [[name, lines]];
  });
  expect(wrong).toEqual([]);
  expect(all.length).toBeGreaterThan(20);
});

test("an example has only options that its command has", () => {
  const wrong = all.flatMap(([name, each]) => {
    const args = Object.entries((each.args as ArgsDef | undefined) ?? {});
    const known = args.flatMap(([flag, arg]) => [`--${flag}`, ...("alias" in arg ? [`-${String(arg.alias)}`] : [])]);
    const own = examplesOf(each).map((line) => (line.split(`qn ${name}`)[1] ?? "").split(/ -- |[|>)]|#/)[0] ?? "");
    const used = own.flatMap((line) => line.split(" ").filter((word) => word.startsWith("-")));
    return used.filter((word) => !known.includes(word)).map((word) => `${name} ${word}`);
  });
  expect(wrong).toEqual([]);
});
