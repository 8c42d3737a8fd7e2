/** Whose machine this is. */
import { expect, test } from "bun:test";
import { ownHome } from "../../../src/system/platform.ts";
import { failureOf } from "../../support/failures.ts";

test("a user without a home folder is told what is missing, and not that qn has a mistake", async () => {
  const lookUp = (): string => {
    throw new Error("ENOENT: no such file or directory, uv_os_homedir");
  };
  expect(await failureOf(() => ownHome(lookUp))).toEqual({
    code: "HOME_UNUSABLE",
    message: `The user with the number ${process.getuid?.()} has no home folder: HOME is not set.`,
  });
  expect(ownHome(() => "/home/ann")).toBe("/home/ann");
});
