/** `qn man`, read by groff as man(1) has it read. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { root } from "../../../src/cli/commands.ts";
import { manPage, manPages } from "../../../src/cli/man.ts";
import { findCommand } from "../../../src/cli/tree.ts";
import { findProgram, run } from "../../../src/system/process.ts";
import { programsMs } from "../../support/fake-vm.ts";
import { newFolder } from "../../support/folder.ts";
import { repository, runProgram } from "../../support/program.ts";

setDefaultTimeout(programsMs);

const qn = [process.execPath, join(repository, "src/main.ts")];
const groff = ["groff", "-man", "-Tutf8", "-ww", "-P-cbou"];

test.skipIf(findProgram("groff") === undefined)(
  "groff has no complaint about any page, and shows what stands in it",
  async () => {
    const pages = await manPages(root);
    const all = await run(groff, { stdin: Buffer.from(pages.map(({ text }) => text).join("")) });
    expect([all.exitCode, all.stderr]).toEqual([0, ""]);
    for (const word of ["qn-image-ls", "--dry-run", "~/.qn/config.yaml", "`", '"$(qn env)"', "LINK_REFUSED"])
      expect([word, all.stdout.includes(word)]).toEqual([word, word !== "`"]);
    // A page that is wrong would be told of.
    expect((await run(groff, { stdin: Buffer.from(".TH A 1\n.SH NAME\n\\fXa\n.NOPE\n") })).stderr).not.toBe("");
  },
);

test("pages have bold and roman only, and minus signs, never hyphens, which nobody could copy", async () => {
  for (const { file, text } of await manPages(root)) {
    const [, ...lines] = text.split("\n");
    const fonts = [...text.matchAll(/\\f(.)/g)].map(([, font = ""]) => font).join("");
    expect([file, fonts.replaceAll("BR", "")]).toEqual([file, ""]);
    expect([file, lines.filter((line) => /(?<!\\)-/.test(line))]).toEqual([file, []]);
    // groff_man(7)'s macros, and lines that are no request.
    expect([file, lines.filter((line) => !/^(\.(SH|TP|PP|EX|EE|br)( |$)|[^.'])|^$/.test(line))]).toEqual([file, []]);
  }
});

test("what begins like a request, or has a mark of groff's, is shown as it stands", async () => {
  const examples = [".so /etc/passwd", "'br", String.raw`a\fBb \n(yr "c"`, "größe ~ ^ `"];
  const tree = { name: "qn", version: "1", description: "D", examples, commands: {} };
  const { text } = manPage(tree, await findCommand(tree, []));
  expect(text).toContain("\n\\&.so /etc/passwd\n\\(aqbr\n");
  if (findProgram("groff") === undefined) return;
  const { stdout, stderr } = await run(groff, { stdin: Buffer.from(text) });
  expect([stderr, examples.filter((line) => !stdout.includes(line))]).toEqual(["", []]);
});

test("a page is printed, and all of them are written into a folder", async () => {
  await using folder = await newFolder();
  const one = await runProgram([...qn, "man", "image", "ls"]);
  expect([one.exitCode, one.stderr, one.stdout.split("\n")[0]]).toEqual([
    0,
    "",
    expect.stringMatching(/^\.TH "QN-IMAGE-LS" "1" "" "qn \d+\.\d+\.\d+" "User Commands"$/),
  ]);
  expect((await runProgram([...qn, "man", "--to", join(folder.path, "man1")])).exitCode).toBe(0);
  const pages = await manPages(root);
  expect((await readdir(join(folder.path, "man1"))).toSorted()).toEqual(pages.map(({ file }) => file).toSorted());
  expect((await runProgram([...qn, "man", "up", "--to", folder.path])).exitCode).toBe(1);
});
