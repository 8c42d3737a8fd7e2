/** Holds the tree to the rules of the house, and the rules to being able to fail. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { Glob } from "bun";
import { circlesOf, importGraph } from "./support/import-graph.ts";
import { repeatedTestNames, rules, type SourceFile } from "./support/house-rules.ts";

const root = join(import.meta.dir, "..");
const folders = "{src,test,scripts,guest,docs,.github,.ci}/**/*";
const topFiles = "*.{ts,json,md,toml}";

/** For each rule: something that breaks it, and the same put right. */
const samples: Record<string, { readonly path: string; readonly bad: string; readonly good: string }> = {
  "rooms import one way": {
    path: "src/host/ports/apply.ts",
    bad: 'import type {\n  Gate,\n} from "../../agent/gate.ts";',
    good: 'import { QnError } from "../../base/errors.ts";\nimport manifest from "../../../package.json";',
  },
  "rooms inside a part import one way": {
    path: "src/host/ports/listener-plan.ts",
    bad: 'import type { Forward } from "../supervisor/messages.ts";',
    good: 'import type { Config } from "../config/schema.ts";\nimport { refusalOf } from "./refusal.ts";',
  },
  "nouns touch nothing": {
    path: "src/host/qemu/vm-plan.ts",
    bad: "const cpus = process.availableCpus();",
    good: '// process.env is not read here.\nimport { join } from "node:path";',
  },
  "a library has one owner": {
    path: "src/host/qemu/vm-plan.ts",
    bad: 'import { consola } from "consola";',
    good: 'import * as v from "valibot";\nimport { Glob } from "bun";',
  },
  "HTTP is asked through two doors": {
    path: "src/host/lifecycle/well.ts",
    bad: 'const answer = await fetch("http://docker/_ping", { unix });',
    good: "Bun.serve({ unix, fetch(request, server) {\n} }); // answers HTTP/1.1",
  },
  "relative imports name the file": {
    path: "src/host/qemu/vm-plan.ts",
    bad: 'import { option } from "./option";',
    good: 'import { option } from "./option.ts";\nimport fstab from "../../../guest/fstab" with { type: "text" };',
  },
  "a name says what it names": {
    path: "src/host/ports/by-hand.ts",
    bad: "type Place = { readonly hostPort: number };",
    good: "type HostPort = { readonly hostPort: number }; // not Place",
  },
  "people read of mounts, never of shares": {
    path: "src/host/vm/shares.ts",
    bad: "const why = `${named} is never shared`;",
    good: 'const why = `${share.path} is a mount`; // a share\nconst tag: Boot["shares"] = join("/usr/share/qemu", "a shared connection");',
  },
  "people read no word of the house": {
    path: "src/host/gate/dial.ts",
    bad: 'throw new QnError("LINK_REFUSED", `The gate of "${vm}" is closed.`);',
    good: 'import { dial } from "../gate/dial.ts"; // through the gate\nconst lane = lanes[0]; log("a free channel");',
  },
  "only the clock waits for time": {
    path: "src/host/supervisor/run.ts",
    bad: "await Bun.sleep(100);",
    good: 'import { after } from "../../system/clock.ts"; // not setTimeout(…)',
  },
  "what is said goes by doors that hear of failures": {
    path: "src/host/supervisor/control.ts",
    bad: "process.stderr.write(`${text}\\n`);",
    good: "const isTerminal = process.stderr.isTTY; // not stderr.write(text)\noutput(text);",
  },
  "one module takes addresses of memory": {
    path: "src/system/kernel/uring.ts",
    bad: 'import { FFIType, ptr } from "bun:ffi";\nconst at = ptr(params);',
    good: "const { i32, ptr } = FFIType; // never ptr(params)\nconst name = read.ptr(account, 0);",
  },
  "the host makes nothing in a folder that guests see": {
    path: "src/host/doctor/report.ts",
    bad: 'const scratch = await mkdtemp(join(tmpdir(), "qn-report-"));',
    good: 'const firmware = join(cacheFolder, "mini-guest.bin"); // not tmpdir()\nconst tmp = await realpath("/tmp");',
  },
  "a file has at most 300 lines": {
    path: "src/host/supervisor/run.ts",
    bad: "line\n".repeat(301),
    good: "line\n".repeat(300),
  },
  "a comment fits into 120 columns": {
    path: "src/base/words.ts",
    bad: `  /** ${"a".repeat(112)} */`,
    good: `  /** ${"a".repeat(111)} */\nconst text = "${"a".repeat(120)}";`,
  },
  "a file starts by saying what it is for": {
    path: "src/base/words.ts",
    bad: 'import { join } from "node:path";',
    good: "/** Small words that every room uses. */",
  },
  "an exported function says what it does": {
    path: "src/base/words.ts",
    bad: "/** Far above. */\n\nexport function counted(): void {}",
    good: "/** Counts. */\nexport async function counted() {}\n/** Counts. */\nexport const count = (word: string) => word.length;",
  },
  "nothing is left to do": {
    path: "docs/architecture.md",
    bad: "fixme: say why".toUpperCase(),
    good: "There is nothing to do.",
  },
  "no path of one machine": {
    path: "guest/fstab",
    bad: "/WORK/main".toLowerCase(),
    good: "/var/lib/qn and a work/main of its own",
  },
};

const files: SourceFile[] = [];
for (const pattern of [folders, topFiles]) {
  for await (const path of new Glob(pattern).scan({ cwd: root, dot: true })) {
    if (!path.endsWith(".snap")) files.push({ path, text: await Bun.file(join(root, path)).text() });
  }
}

for (const [sentence, rule] of Object.entries(rules)) {
  test(`in the whole tree ${sentence}`, () => {
    const kept = files.filter(({ path }) => rule.about.test(path));
    const problems = kept
      .map((file) => [file.path, rule.problems(file)] as const)
      .filter(([, found]) => found.length > 0);
    expect(Object.fromEntries(problems)).toEqual({});
    expect(kept.length).toBeGreaterThan(0);
  });

  test(`the rule that ${sentence} can be broken`, () => {
    const sample = samples[sentence];
    if (sample === undefined) throw new Error(`No sample for the rule that ${sentence}.`);
    expect(rule.about.test(sample.path)).toBe(true);
    expect(rule.problems({ path: sample.path, text: sample.bad })).not.toEqual([]);
    expect(rule.problems({ path: sample.path, text: sample.good })).toEqual([]);
  });
}

test.each(["type SocketPlace = string;", "const at = placeOf(path);", "export function placeWords() {}"])(
  "a word for everything is found: %s",
  (bad) => {
    expect(rules["a name says what it names"]?.problems({ path: "src/host/cp/operand.ts", text: bad })).toEqual([bad]);
  },
);

test.each([
  'const it = counted(3, "share");',
  "const why = `${path} cannot be shared`;",
  'hint: "Share fewer folders.",',
])("a text that calls a mount a share is found: %s", (text) => {
  expect(rules["people read of mounts, never of shares"]?.problems({ path: "src/host/x.ts", text })).not.toEqual([]);
});

test("a file's name is told of that says nothing, and not one with such a word in it", () => {
  const problems = (path: string) => rules["a name says what it names"]?.problems({ path, text: "" });
  expect(problems("src/host/names/serve.ts")).toEqual(["src/host/names/serve.ts"]);
  expect(problems("src/host/qemu/vm-plan.ts")).toEqual([]);
});

test("in the whole tree no two tests have the same name", () => {
  expect(repeatedTestNames(files.filter(({ path }) => path.endsWith(".test.ts")))).toEqual([]);
});

test("the rule that no two tests have the same name can be broken", () => {
  const text = 'test("a sentence", () => {});\n  test.skipIf(true)("another", () => {});';
  expect(repeatedTestNames([{ path: "a.test.ts", text }])).toEqual([]);
  expect(
    repeatedTestNames([
      { path: "a.test.ts", text },
      { path: "b.test.ts", text },
    ]),
  ).toEqual(["a sentence", "another"]);
});

test("no files of src import each other in a circle, for their types alone neither", () => {
  expect(circlesOf(importGraph(files.filter(({ path }) => /^src\/.*\.ts$/.test(path))))).toEqual([]);
});

test("a circle of imports is found, however long it is", () => {
  const file = (path: string, ...targets: string[]) => ({
    path: `src/${path}.ts`,
    text: targets.map((target) => `import type { A } from "./${target}.ts";`).join("\n"),
  });
  const line = [file("a", "b", "c"), file("b", "c"), file("c")];
  expect(circlesOf(importGraph(line))).toEqual([]);
  expect(circlesOf(importGraph([...line, file("d", "e"), file("e", "f", "a"), file("f", "d")]))).toEqual([
    ["src/d.ts", "src/e.ts", "src/f.ts"],
  ]);
});
