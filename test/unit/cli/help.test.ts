/** `--help` of every command: it ends with examples that are command lines of that very command. */
import { expect, test } from "bun:test";
import type { ArgsDef, CommandDef } from "citty";
import { examplesOf } from "../../../src/cli/command.ts";
import { commands } from "../../../src/cli/commands.ts";

type Plain = { readonly meta?: { readonly hidden?: boolean }; readonly args?: ArgsDef; readonly subCommands?: Tree };
type Tree = Readonly<Record<string, CommandDef>>;

/** Every command that a person sees, by the words that call it. */
function visible(tree: Tree, above = ""): (readonly [string, CommandDef])[] {
  return Object.entries(tree).flatMap(([word, each]): (readonly [string, CommandDef])[] => {
    const { meta, subCommands } = each as Plain;
    const name = `${above} ${word}`.trim();
    if (meta?.hidden === true) return [];
    return subCommands === undefined ? [[name, each]] : visible(subCommands, name);
  });
}

test("every command has an example, and each one calls it", () => {
  const wrong = visible(commands).flatMap(([name, each]) => {
    const lines = examplesOf(each);
    return lines.length > 0 && lines.every((line) => `${line} `.includes(`qn ${name}`)) ? [] : [[name, lines]];
  });
  expect(wrong).toEqual([]);
  expect(visible(commands).length).toBeGreaterThan(20);
});

test("an example has only options that its command has", () => {
  const wrong = visible(commands).flatMap(([name, each]) => {
    const args = Object.entries((each as Plain).args ?? {});
    const known = args.flatMap(([flag, arg]) => [`--${flag}`, ...("alias" in arg ? [`-${String(arg.alias)}`] : [])]);
    const own = examplesOf(each).map((line) => (line.split(`qn ${name}`)[1] ?? "").split(/ -- |[|>)]|#/)[0] ?? "");
    const used = own.flatMap((line) => line.split(" ").filter((word) => word.startsWith("-")));
    return used.filter((word) => !known.includes(word)).map((word) => `${name} ${word}`);
  });
  expect(wrong).toEqual([]);
});
