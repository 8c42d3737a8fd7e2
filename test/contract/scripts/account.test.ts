/** Copies of the tree for an ordinary user: each run has its own. */
import { expect, test } from "bun:test";
import { firstFree } from "../../../scripts/testing/account.ts";
import { newFolder } from "../../support/folder.ts";
import { repository, runProgram } from "../../support/program.ts";

test("a run takes the first copy that no other run has, for as long as it lives", async () => {
  await using place = await newFolder();
  const account = JSON.stringify(`${repository}/scripts/testing/account.ts`);
  const script = `const { firstFree } = await import(${account}); console.log(firstFree(${JSON.stringify(place.path)}));`;
  const other = async (): Promise<string> => (await runProgram([process.execPath, "--eval", script])).stdout.trim();
  expect(await other()).toBe("qn");
  expect(firstFree(place.path)).toBe("qn");
  expect([await other(), await other()]).toEqual(["qn-2", "qn-2"]);
});
