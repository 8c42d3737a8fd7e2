/** `qn man`: the manual pages, for man(1), made by the program itself as its completion is. */
import { join, resolve } from "node:path";
import { mkdir } from "node:fs/promises";
import type { CommandDef } from "citty";
import { QnError } from "../../base/errors.ts";
import { writeFileAtomically } from "../../system/files.ts";
import { defineCommand } from "../command.ts";
import { manPage, manPages } from "../man.ts";
import { printWords } from "../terminal/print.ts";
import { succeed } from "../terminal/show.ts";
import { findCommand, type Root } from "../tree.ts";

/** The command that prints the pages of `root`, the tree that it is itself a part of. */
export function manOf(root: Root): CommandDef {
  return defineCommand({
    examples: ["qn man image ls | man -l -", "sudo qn man --to /usr/local/share/man/man1"],
    words: true,
    args: {
      to: { type: "string", description: "Write the pages of all commands into this folder", valueHint: "FOLDER" },
    },
    async run({ args }) {
      if (args.to !== undefined && args._.length > 0) {
        throw new QnError("USAGE", "--to writes the pages of all commands, and takes the name of none.");
      }
      if (args.to !== undefined) return await writeAll(root, resolve(args.to));
      const found = await findCommand(root, args._);
      if (found.rest.length > 0) {
        throw new QnError("USAGE", `"${args._.join(" ")}" is not a command of ${root.name}.`, {
          hint: "`qn --help` lists them.",
        });
      }
      printWords([manPage(root, found).text.trimEnd()]);
    },
  });
}

// --- internal ---

async function writeAll(root: Root, folder: string): Promise<void> {
  const pages = await manPages(root);
  await mkdir(folder, { recursive: true });
  for (const { file, text } of pages) await writeFileAtomically(join(folder, file), text, 0o644);
  succeed(`${pages.length} pages are in ${folder}.`);
}
