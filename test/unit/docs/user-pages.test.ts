/** What the pages for users say can be typed: their commands, flags and settings are there, and they are easy to read. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { Glob } from "bun";
import { argsOf } from "../../../src/cli/command.ts";
import { root as commands } from "../../../src/cli/commands.ts";
import { findCommand } from "../../../src/cli/tree.ts";
import { leaves } from "../../../src/host/config/schema.ts";
import { siteMap } from "../../../site/site-map.ts";

const root = join(import.meta.dir, "../../..");
// All but those for who changes qn, and the changelog, which tells of words that are no commands.
const design = siteMap.find(({ text }) => text === "Design")?.pages ?? [];
const ofUsers = ["compared", "clients", "faults", "security"].map((name) => `docs/${name}.md`);
const paths = siteMap
  .flatMap(({ pages: each }) => each)
  .filter((path) => path !== "CHANGELOG.md" && (!design.includes(path) || [...ofUsers, "SECURITY.md"].includes(path)));
const pages = await Promise.all(
  paths.toSorted().map(async (path) => [path, await Bun.file(join(root, path)).text()] as const),
);

/** Command lines that begin with `qn`: in code blocks, and whole in code marks. */
function commandLines(text: string): string[] {
  const blocks = [...text.matchAll(/^```(?:sh|yaml)\b[^\n]*\n(.*?)^```/gms)].flatMap(([, block = ""]) =>
    block.split("\n"),
  );
  const marked = [...text.replaceAll(/^```.*?^```/gms, "").matchAll(/`([^`]+)`/g)].map(([, line = ""]) => line);
  return [...blocks, ...marked].flatMap((line) =>
    [...line.matchAll(/(?:^|["'$(]|&& | - |run: |\| )(?:sudo )?(?:dist\/)?(qn(?: [^|&#"')]*)?)/g)].map(
      ([, found = ""]) => found.trim(),
    ),
  );
}

/** What is wrong with a command line: a word that calls nothing, or a flag that the command has not. */
async function mistakesIn(line: string): Promise<string[]> {
  const words = line.split(/\s+/).slice(1);
  const own = words.slice(0, words.includes("--") ? words.indexOf("--") : undefined);
  const { path, group, standard, command, rest } = await findCommand(commands, own);
  if (group !== undefined && standard === undefined)
    return rest.length === 0 || ["help", "--help"].includes(rest[0] ?? "") ? [] : [line];
  const args = [command, standard ?? {}].flatMap(argsOf);
  const flags = args.flatMap(([name, arg]) => [
    `--${name}`,
    ...("alias" in arg ? [arg.alias].flat().map((each) => `-${each}`) : []),
  ]);
  const known = [...flags, "--help", "-h", "--quiet", "-q", "--verbose", "--json"];
  return rest
    .filter((word) => word.startsWith("-") && !known.includes(word.split("=")[0] ?? ""))
    .map((word) => `${path} ${word}`);
}

test("every command line that a page for users shows has a command of qn's, and flags that it has", async () => {
  const lines = pages.flatMap(([path, text]) => commandLines(text).map((line) => [path, line] as const));
  const wrong = await Promise.all(
    lines.map(async ([path, line]) => (await mistakesIn(line)).map((each) => `${path}: ${each}`)),
  );
  expect(wrong.flat()).toEqual([]);
  expect(lines.length).toBeGreaterThan(60);
  for (const line of ["qn nothing", "qn up --nothing", "qn image nothing"])
    expect(await mistakesIn(line)).not.toEqual([]);
});

test("every setting that a page for users sets is there", () => {
  const known = [...leaves.map(({ path }) => path), "memory", "disk"];
  const set = pages.flatMap(([path, text]) =>
    [...text.matchAll(/qn config set(?: --all)?((?: '?[\w.]+=\S+)+)/g)].flatMap(([, words = ""]) =>
      words
        .trim()
        .split(" ")
        .map((word) => [path, /^'?([\w.]+)=/.exec(word)?.[1] ?? word] as const),
    ),
  );
  expect(set.filter(([, name]) => !known.includes(name))).toEqual([]);
  expect(set.length).toBeGreaterThan(5);
});

test("the page of variables has each that the code reads and that is no setting, and no other", async () => {
  const code = [...new Glob("src/**/*.ts").scanSync(root), "install.sh"];
  const texts = await Promise.all(code.map((path) => Bun.file(join(root, path)).text()));
  const read = new Set(texts.flatMap((text) => text.match(/\bQN_[A-Z]+(?:_[A-Z]+)*\b/g) ?? []));
  // The build puts it into the program.
  const others = [...leaves.map(({ variable }) => variable), "QN_RELEASE_COMMIT"];
  const [, page = ""] = pages.find(([path]) => path === "docs/environment.md") ?? [];
  const named = page.match(/(?<=^\|.*`)QN_\w+(?=`.*\|.*\|$)/gm) ?? [];
  expect(named.toSorted()).toEqual([...read].filter((name) => !others.includes(name)).toSorted());
});

test("pages for users have lines of at most 100 columns but for tables", async () => {
  // It tells of words that are no commands, too.
  const changelog = await Bun.file(join(root, "CHANGELOG.md")).text();
  const long = [...pages, ["CHANGELOG.md", changelog] as const].flatMap(([path, text]) =>
    text
      .split("\n")
      .filter((line) => line.length > 100 && !line.startsWith("|"))
      .map((line) => `${path}: ${line}`),
  );
  expect(long).toEqual([]);
});

test("the page of Nix begins with what can be typed, and ends with what was tried", () => {
  const [, text = ""] = pages.find(([path]) => path === "docs/nix.md") ?? [];
  expect(text.slice(0, text.indexOf("\n## "))).toContain("```sh\nnix run");
  expect(text.slice(0, text.indexOf("```")).length).toBeLessThan(500);
  expect(text.match(/^## .*/gm)?.at(-1)).toBe("## What was tried");
});
