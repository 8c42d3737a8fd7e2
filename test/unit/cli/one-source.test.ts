/** Help, manual pages, completion and the reference name every command and every flag, and nothing that is hidden. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import type { ArgsDef } from "citty";
import { commandsPage } from "../../../scripts/support/commands-page.ts";
import { jsonPage } from "../../../scripts/support/json-page.ts";
import { commands, root } from "../../../src/cli/commands.ts";
import { candidates } from "../../../src/cli/completion/candidates.ts";
import { helpLines } from "../../../src/cli/help.ts";
import { manPage, manPages } from "../../../src/cli/man.ts";
import { findCommand, type Table } from "../../../src/cli/tree.ts";

/** Straight from the tables and the files that run: the words of each command that a person sees, and its arguments. */
async function fromTables(table: Table, above = ""): Promise<(readonly [path: string, args: ArgsDef])[]> {
  const shown = Object.entries(table).filter(([, { hidden }]) => hidden !== true);
  const found = shown.map(async ([word, { load }]): Promise<(readonly [string, ArgsDef])[]> => {
    const path = `${above} ${word}`.trim();
    const { command } = await load();
    if ("commands" in command) return [[path, {}], ...(await fromTables(command.commands, path))];
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- those of qn are plain objects
    return [[path, (command.args ?? {}) as ArgsDef]];
  });
  return (await Promise.all(found)).flat();
}

const all = await fromTables(commands);
const reference = await commandsPage(root);
const names = { vms: async () => [], images: async () => [], settings: async () => [] };

/** What each of the four says of a command, with the marks of its form taken away. */
const places: Readonly<Record<string, (path: string) => Promise<string>>> = {
  help: async (path) => helpLines(root, await findCommand(root, path.split(" ")), 100).join("\n"),
  "manual page": async (path) => {
    const { text } = manPage(root, await findCommand(root, path.split(" ")));
    return text.replaceAll("\\-", "-").replaceAll(/\\f[BR]/g, " ");
  },
  completion: async (path) => {
    const words = path.split(" ");
    const [last, flags] = await Promise.all([
      candidates(root, [...words.slice(0, -1), words.at(-1) ?? ""], names),
      candidates(root, [...words, "-"], names),
    ]);
    return [...last, ...flags].map(({ word }) => word).join(" ");
  },
  reference: async (path) => reference.split("\n## ").find((part) => part.startsWith(`qn ${path}\n`)) ?? "",
};

for (const [place, saidOf] of Object.entries(places)) {
  test(`the ${place} names every command with each of its flags`, async () => {
    const missing = await Promise.all(
      all.map(async ([path, args]) => {
        const text = await saidOf(path);
        const flags = Object.entries(args).flatMap(([name, { type }]) => (type === "positional" ? [] : [`--${name}`]));
        const wanted = [place === "completion" ? (path.split(" ").at(-1) ?? "") : path, ...flags];
        return wanted
          .filter((word) => !new RegExp(`(^|[^\\w-])${word}($|[^\\w-])`, "m").test(text))
          .map((word) => [path, word]);
      }),
    );
    expect(missing.flat()).toEqual([]);
    expect(all.length).toBeGreaterThan(45);
  });
}

test("groups have one word for one thing, and those of other programs are only other words for it", () => {
  const odd = all
    .filter(([path]) => / (list|remove|delete|get|create|new|enable|disable)$/.test(path))
    .map(([path]) => path);
  // A snapshot is no part of a list that is added to; Nix is told to use what is there.
  expect(odd).toEqual(["snapshot create", "nix-builder enable", "nix-builder disable"]);
});

test("no page or help tells of a command that is hidden", async () => {
  const pages = await manPages(root);
  const hidden = Object.entries(commands).flatMap(([word, { hidden: isHidden }]) => (isHidden === true ? [word] : []));
  expect(hidden.length).toBeGreaterThan(2);
  for (const word of hidden) {
    expect(pages.map(({ file }) => file)).not.toContain(`qn-${word}.1`);
    expect(reference).not.toContain(`## qn ${word}\n`);
  }
  expect(pages.map(({ file }) => file)).toEqual(
    expect.arrayContaining(["qn.1", "qn-up.1", "qn-image.1", "qn-image-ls.1"]),
  );
  expect(pages).toHaveLength(all.length + 1);
});

test("the reference pages are what the script of the docs writes", async () => {
  const docs = join(import.meta.dir, "../../../docs");
  expect(await Bun.file(join(docs, "commands.md")).text()).toBe(reference);
  expect(await Bun.file(join(docs, "json.md")).text()).toBe(jsonPage());
});
