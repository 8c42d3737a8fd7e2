/** The lines that are broken on purpose: each is there to be broken, and so are the tests that have to see it. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { broken } from "../../../scripts/testing/mutant.ts";
import { mutants } from "../../../scripts/testing/mutants.ts";

const root = join(import.meta.dir, "../../..");

test("each line that scripts/mutate.ts breaks stands once in its file: who writes it anew takes its row along", () => {
  const lost = mutants().filter((mutant) => {
    const text = readFileSync(join(root, mutant.file), "utf8");
    return (broken(text, mutant) ?? text) === text;
  });
  expect(lost).toEqual([]);
});

test("the tests that have to see it are there", () => {
  const named = new Set(mutants().flatMap(({ tests }) => tests));
  expect([...named].filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

test("a line that is there twice, or not at all, is not broken", () => {
  const mutant = { file: "", text: "deny();", by: "", tests: [] };
  expect([broken("a deny(); b", mutant), broken("deny();deny();", mutant), broken("allow();", mutant)]).toEqual([
    "a  b",
    undefined,
    undefined,
  ]);
});
