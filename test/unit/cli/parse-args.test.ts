/** The program has another copy of `parseArgs` in it than what runs from the source (docs/decisions.md#d256). */
import { expect } from "bun:test";
import { parseArgs } from "node:util";
import { parseArgs as bundled } from "@pkgjs/parseargs";
import { type Chance, testWithChance } from "../../support/chance.ts";

testWithChance("both copies read each line in the same way", async (chance) => {
  const read: unknown[] = [];
  for (let round = 0; round < 3000; round += 1) {
    const config = { args: lineOf(chance), options: optionsOf(chance), allowPositionals: true, strict: false };
    const own = outcomeOf(() => parseArgs(config));
    expect(outcomeOf(() => bundled(config))).toEqual(own);
    read.push(own);
  }
  // Chance has made lines with values, with flags and with neither.
  expect(new Set(read.map((each) => JSON.stringify(each))).size).toBeGreaterThan(1000);
});

// --- internal ---

const names = ["json", "lines", "f", "if-exists", "ifExists", "mount"];

/** Options as citty makes them of a command's: flags, and values with or without a default. */
function optionsOf(chance: Chance) {
  const some = names.filter(() => chance.below(3) > 0);
  return Object.fromEntries(some.map((name) => [name, chance.below(2) === 0 ? flag(name) : value(chance)]));
}

function flag(name: string) {
  return { type: "boolean", default: undefined, ...(name === "json" && { short: "j" }) } as const;
}

function value(chance: Chance) {
  return { type: "string", default: chance.below(2) === 0 ? "given" : undefined } as const;
}

function lineOf(chance: Chance): string[] {
  const word = (): string => {
    // Without "-j-" and its like: the copy takes what follows it for words, Bun for flags.
    const name = chance.pick([...names, "other", ""]);
    return chance.pick([
      `--${name}`,
      `--${name}=`,
      `--${name}=a b`,
      `-${name.slice(0, 1)}`,
      `-${name.slice(0, 2)}`,
      `-j${name.replaceAll("-", "")}`,
      name,
      "8G",
      "-",
      "-5",
      "--",
      "__proto__",
      "--__proto__=x",
    ]);
  };
  return Array.from({ length: chance.below(6) }, word);
}

/** What comes of it, or what kind of mistake it is. */
function outcomeOf(action: () => ReturnType<typeof parseArgs>): unknown {
  try {
    const { values, positionals } = action();
    return { values: { ...values }, positionals };
  } catch (error) {
    return error instanceof Error ? { mistake: (error as { code?: string }).code ?? error.name } : error;
  }
}
