/** What the long tests type and expect: how it is read, and that it is what README and guides show. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { Glob } from "bun";
import { filesOf, shellBlocks, typedLines } from "../../../scripts/support/shell-blocks.ts";
import { asExpected, readTranscript, transcriptOf } from "../../support/typist.ts";

const root = join(import.meta.dir, "../../..");

async function textsOf(...patterns: readonly string[]): Promise<(readonly [path: string, text: string])[]> {
  const paths = patterns.flatMap((pattern) => [...new Glob(pattern).scanSync(root)]).toSorted();
  return await Promise.all(paths.map(async (path) => [path, await Bun.file(join(root, path)).text()] as const));
}

const blocks = (await textsOf("README.md", "docs/guides/*.md")).flatMap(([page, text]) =>
  shellBlocks(text).map(({ isRun, code }) => ({ page, isRun, code })),
);

/** What a block has in it that nobody can type in the long tests, by the reason. */
const untyped: Readonly<Record<string, RegExp>> = {
  "it changes the machine for everybody": /\bsudo\b/,
  "it begins with a clone of the sources": /^scripts\//m,
  "it is about a release, and there is none yet": /install\.sh|qn upgrade/,
  "its compose.yaml is the reader's own": /docker compose run --rm tests/,
  "it takes another Docker beside qn's": /--context desktop-linux/,
  "its image is Docker Hub's, and has Node.js": /\bnode:22\b/,
  "its image is for another processor; test/e2e/whole-path has one": /--platform/,
  "a login starts the service; test/contract/host/integrate has it": /qn service install/,
  "what it suspends has to run; test/e2e/crash has it": /qn down --suspend/,
  "what it says takes a while; test/contract/host/supervisor/suspend has it": /idle\.(after|pause|wake)/,
  "it is typed on two machines; test/long/snapshots has it": /qn data import/,
};

test("every shell block of README and guides is typed by somebody, or has what keeps it from that", () => {
  const nobody = blocks.filter(({ isRun, code }) => !isRun && !Object.values(untyped).some((each) => each.test(code)));
  expect(nobody).toEqual([]);
  expect(blocks.filter(({ isRun }) => isRun).length).toBeGreaterThan(8);
});

test("a block that says so is typed line after line by one of those whose first minutes are told", async () => {
  const typed = (await textsOf("test/long/docs/*.txt")).map(([, text]) => readTranscript(text).map(({ line }) => line));
  const missing = blocks
    .filter(({ isRun }) => isRun)
    .filter(
      ({ code }) => !typed.some((lines) => `\n${lines.join("\n")}\n`.includes(`\n${typedLines(code).join("\n")}\n`)),
    );
  expect(missing).toEqual([]);
  expect(typed.length).toBeGreaterThan(2);
});

const transcript = "$ qn ls\nNAME … STATE\n…\nlast\n$ qn nope\nno…\n[1]\n$ true";

test("a transcript is lines that are typed, each with what it prints and its exit status", () => {
  expect(readTranscript(`Of somebody.\n\n${transcript}\n`)).toEqual([
    { line: "qn ls", printed: "NAME … STATE\n…\nlast", status: 0 },
    { line: "qn nope", printed: "no…", status: 1 },
    { line: "true", printed: "", status: 0 },
  ]);
  expect(transcriptOf(readTranscript(transcript))).toBe(transcript);
});

test("what is printed fits where the dots stand for all that differs, and nowhere else", () => {
  const expected = readTranscript(transcript);
  const typed = [
    { line: "qn ls", printed: "NAME  STATE\na\r\nb\nlast", status: 0 },
    { line: "qn nope", printed: "not (that)", status: 1 },
    { line: "true", printed: "", status: 0 },
  ];
  expect(asExpected(typed, expected)).toEqual([...expected]);
  for (const wrong of [{ printed: "NAME\nlast" }, { printed: "NAME  STATE\nlast one" }, { status: 2 }])
    expect(asExpected([{ line: "qn ls", printed: "NAME  STATE\nlast", status: 0, ...wrong }], expected)).not.toEqual(
      expected.slice(0, 1),
    );
});

test("blocks that are typed are found with their lines, and the files beside them", () => {
  const page = "```sh run\na b  # c\nd\n```\n\n  ```sh\n  not this\n  ```\n\n```yaml file=x.yaml\ne: 1\n```\n";
  expect(shellBlocks(page).map(({ isRun, code }) => [isRun, typedLines(code)])).toEqual([
    [true, ["a b", "d"]],
    [false, ["not this"]],
  ]);
  expect([...filesOf(page)]).toEqual([["x.yaml", "e: 1\n"]]);
});
