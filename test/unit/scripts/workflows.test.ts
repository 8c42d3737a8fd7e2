/** GitHub's workflows, which nothing here can run, keep to the rules; and the rules can fail. */
import { expect, test } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { repository } from "../../support/program.ts";
import { workflowProblems } from "../../support/workflow-rules.ts";

const folder = join(repository, ".github/workflows");

const texts = await Promise.all(
  (await readdir(folder)).map(async (name) => [name, await readFile(join(folder, name), "utf8")] as const),
);

test.each(texts)("%s has few rights, pinned actions, and scripts that are there", (_name, text) => {
  expect(workflowProblems(text)).toEqual([]);
});

test("an action has one release in all workflows", () => {
  const pins = texts.flatMap(([, text]) =>
    [...text.matchAll(/uses: (\S+)@(\S+ # \S+)/g)].map(([, name, pin]) => [name, pin] as const),
  );
  const byName = Object.groupBy(pins, ([name]) => name ?? "");
  const several = Object.entries(byName).filter(([, all = []]) => new Set(all.map(([, pin]) => pin)).size > 1);
  expect([pins.length > 10, several]).toEqual([true, []]);
});

const good = texts.find(([name]) => name === "bench.yml")?.[1] ?? "";

test.each([
  ["has more rights than to read", good.replace("contents: read", "contents: write")],
  [
    'permissions: Invalid key: Expected "permissions" but received undefined',
    good.replace("permissions:\n  contents: read\n", ""),
  ],
  [
    "bench may write contents",
    good.replace("    timeout-minutes", "    permissions:\n      contents: write\n    timeout-minutes"),
  ],
  ["actions/checkout@v4 is not pinned to a commit", good.replace(/checkout@\w+/, "checkout@v4")],
  ["actions/upload-artifact@bbbca2d is not pinned to a commit", good.replace(/(upload-artifact@\w{7})\w+/, "$1")],
  ["bench leaves its token in .git/config", good.replace("persist-credentials: false", "fetch-depth: 1")],
  ["bench calls scripts/upp, which is not there", good.replace("scripts/up", "scripts/upp")],
  ["bench puts an expression into a script", good.replace("scripts/up", "echo ${{ github.ref_name }}")],
  ["runs a stranger's change with rights of its own", good.replace("workflow_dispatch:", "pull_request_target:")],
  ["does not say that it has never run", good.replace("never run", "run")],
])("a workflow is refused that %s", (problem, text) => {
  expect(workflowProblems(text)).toContain(problem);
});

test("a release that is not named behind its commit is refused", () => {
  expect(workflowProblems(good.replace(" # v7.0.1", ""))).toEqual([
    expect.stringContaining("does not say which release"),
  ]);
});
