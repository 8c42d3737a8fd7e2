/** The command tree: which command a line means, and that no other is loaded for it. */
import { expect, test } from "bun:test";
import { defineCommand, examplesOf, vmArg } from "../../../src/cli/command.ts";
import { candidates } from "../../../src/cli/completion/candidates.ts";
import { helpLines } from "../../../src/cli/help.ts";
import { findCommand, type Root, type Table } from "../../../src/cli/tree.ts";

/** A tree that notes what is loaded, and what runs with which words. */
function tree() {
  const loaded: string[] = [];
  const ran: unknown[] = [];
  const leaf = (name: string) => ({
    description: `The ${name}`,
    example: `qn ${name}`,
    load: async () => {
      loaded.push(name);
      const run = async ({ args }: { readonly args: object }) => void ran.push([name, { ...args }]);
      return { command: defineCommand({ examples: [`qn ${name} more`], args: { vm: vmArg }, run }) };
    },
  });
  const group = (name: string, below: Table, standard?: string) => ({
    description: `The ${name}`,
    load: async () => {
      loaded.push(name);
      return { command: { commands: below, ...(standard === undefined ? {} : { default: standard }) } };
    },
  });
  const root: Root = {
    name: "qn",
    version: "1",
    description: "The whole",
    examples: ["qn up"],
    commands: {
      up: { ...leaf("up"), aliases: ["start"] },
      image: group("image", { ls: { ...leaf("image ls"), aliases: ["list"] }, rm: leaf("image rm") }),
      ports: group("ports", { show: leaf("ports"), add: leaf("ports add") }, "show"),
      hidden: { ...leaf("hidden"), hidden: true },
    },
  };
  return { root, loaded, ran };
}

const names = { vms: async () => ["web"], images: async () => [], settings: async () => [] };

test("lists of commands are shown and completed from the tables, without loading a command", async () => {
  const { root, loaded } = tree();
  const found = await findCommand(root, []);
  const help = helpLines(root, found, 80).join("\n");
  for (const each of ["The whole", "The up", "The image", "The ports"]) expect(help).toContain(each);
  expect(help).not.toContain("hidden");
  expect((await candidates(root, [""], names)).map(({ word }) => word)).toEqual(["up", "image", "ports"]);
  expect(loaded).toEqual([]);
  expect((await candidates(root, ["image", ""], names)).map(({ word }) => word)).toEqual(["ls", "rm"]);
  expect(helpLines(root, await findCommand(root, ["image"]), 80).join("\n")).toContain("The image rm");
  expect(loaded).toEqual(["image", "image"]);
});

test("a line loads the command that it means and the groups above, with its name and all of its examples", async () => {
  const { root, loaded } = tree();
  const { command, path, rest } = await findCommand(root, ["image", "rm", "debian", "ls"]);
  expect([path, rest, loaded]).toEqual(["image rm", ["debian", "ls"], ["image", "image rm"]]);
  expect(command.meta).toMatchObject({ name: "image rm", description: "The image rm", hidden: false });
  expect(examplesOf(command)).toEqual(["qn image rm", "qn image rm more"]);
});

test("where a group has a command that is meant without its name, it goes by the name of the group", async () => {
  const { root } = tree();
  const bare = await findCommand(root, ["ports", "web"]);
  expect([bare.path, bare.rest, bare.standard?.meta]).toEqual([
    "ports",
    ["web"],
    expect.objectContaining({ name: "ports" }),
  ]);
  const named = await findCommand(root, ["ports", "show", "web"]);
  expect([named.path, named.rest, named.command.meta]).toEqual([
    "ports show",
    ["web"],
    expect.objectContaining({ name: "ports" }),
  ]);
  expect((await findCommand(root, ["image"])).standard).toBeUndefined();
});

test("other words that call a command find it, in groups too, and it goes by its own name", async () => {
  const { root } = tree();
  expect(await findCommand(root, ["start", "web"])).toMatchObject({ path: "up", rest: ["web"] });
  expect(await findCommand(root, ["image", "list"])).toMatchObject({ path: "image ls", rest: [] });
  const [, , usage, also] = helpLines(root, await findCommand(root, ["image", "list"]), 80);
  expect([usage, also]).toEqual(["Usage: qn image ls [VM] [OPTIONS]", "Also:  qn image list"]);
});

test("names that every object has are no commands", async () => {
  const { root } = tree();
  for (const word of ["constructor", "toString", "__proto__"]) {
    expect(await findCommand(root, [word])).toMatchObject({ path: "", rest: [word] });
    expect(await findCommand(root, ["image", word])).toMatchObject({ path: "image", rest: [word] });
  }
});
