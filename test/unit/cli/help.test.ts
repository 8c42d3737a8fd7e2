/** `--help` of every command: it ends with examples that are command lines of that very command. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import type { ArgsDef, CommandDef } from "citty";
import { examplesOf } from "../../../src/cli/command.ts";
import { commands, root } from "../../../src/cli/commands.ts";
import { helpLines, isHeading } from "../../../src/cli/help.ts";
import { findCommand, type Table } from "../../../src/cli/tree.ts";

/** Every command that a person sees, by the words that call it. */
async function visible(table: Table, above: readonly string[] = []): Promise<(readonly [string, CommandDef])[]> {
  const shown = Object.entries(table).filter(([, { hidden }]) => hidden !== true);
  const found = await Promise.all(
    shown.map(async ([word]): Promise<(readonly [string, CommandDef])[]> => {
      const { path, command, group } = await findCommand(root, [...above, word]);
      return group === undefined ? [[path, command]] : await visible(group.commands, [...above, word]);
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

for (const width of [60, 80, 120]) {
  test(`no help is wider than ${width} columns, or has two empty lines, but for command lines`, async () => {
    for (const line of ["", ...Object.keys(commands), ...all.map(([name]) => name)]) {
      const help = helpLines(root, await findCommand(root, line.split(" ").filter(Boolean)), width);
      const told = help.slice(0, help.indexOf("Examples")).filter((each) => !/^(Usage|Also): /.test(each));
      expect([line, told.filter((each) => each.length > Math.min(100, width))]).toEqual([line, []]);
      expect(help.join("\n")).not.toMatch(/\n\n\n| \n/);
      expect(help.some(isHeading)).toBe(true);
    }
  });
}

/** Help as it is printed; `QN_GOLDEN=write` writes what the code makes, for a person to compare. */
const goldenFile = join(import.meta.dir, "help.txt");

test("help is what it was: of qn itself at 60, 80 and 120 columns, of commands at 80", async () => {
  const asked: [line: string, width: number][] = [
    ["", 60],
    ["", 80],
    ["", 120],
    ["up", 80],
    ["ports", 80],
    ["image ls", 80],
  ];
  const told = asked.map(async ([line, width]) => {
    const found = await findCommand(root, line.split(" ").filter(Boolean));
    return `=== ${`qn ${line}`.trim()}, ${width} columns\n${helpLines(root, found, width).join("\n")}\n`;
  });
  const text = (await Promise.all(told)).join("\n");
  if (process.env["QN_GOLDEN"] === "write") await Bun.write(goldenFile, text);
  expect(await Bun.file(goldenFile).text()).toBe(text);
});
