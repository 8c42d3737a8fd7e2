/** `qn version` and `qn --version`, for people and for programs. */
import { expect, setDefaultTimeout, test } from "bun:test";
import manifest from "../../../package.json";
import { runLines } from "../../support/command-lines.ts";
import { programsMs } from "../../support/fake-vm.ts";
import { wrongFields } from "../../support/json-fields.ts";

setDefaultTimeout(programsMs);

test("the flag and the command print the same, on a line or as JSON, without a QN_HOME", async () => {
  const lines = [["--version"], ["-v"], ["version"], ["--version", "--json"], ["-v", "--json"], ["version", "--json"]];
  const said = await runLines(lines, { QN_HOME: "/nowhere/at/all" });
  const [line = "", , , json = ""] = said.map(({ stdout }) => stdout);
  expect(said.map(({ stdout, exitCode }) => [stdout, exitCode])).toEqual([
    ...Array.from({ length: 3 }, () => [line, 0]),
    ...Array.from({ length: 3 }, () => [json, 0]),
  ]);
  expect(line).toStartWith(`${manifest.version} (run from its source by Bun ${Bun.version}, `);
  expect(JSON.parse(json)).toMatchObject({ schema: 1, version: manifest.version, build: "source", commit: null });
  expect(wrongFields("version", JSON.parse(json))).toEqual([]);
});

test("a word too many, or a flag that it has not, is refused", async () => {
  const said = await runLines(
    [
      ["--version", "web"],
      ["version", "--short"],
      ["help", "version"],
    ],
    {},
  );
  expect(said.map(({ exitCode }) => exitCode)).toEqual([1, 1, 0]);
  expect(said[2]?.stdout).toContain("Print which qn this is");
});
