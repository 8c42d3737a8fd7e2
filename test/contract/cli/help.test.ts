/** What `qn … --help` prints. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { run } from "../../../src/system/process.ts";
import { repository } from "../../support/program.ts";

test("help ends with examples, those of the commands below one included", async () => {
  const help = async (...words: string[]) => {
    const { stdout } = await run([process.execPath, join(repository, "src/main.ts"), ...words, "--help"]);
    return stdout.split("EXAMPLES")[1]?.trim().split(/\n\s*/);
  };
  expect(await help("down")).toEqual(["qn down", "qn down web --force"]);
  expect(await help("socket")).toEqual(["qn socket link", "qn socket unlink --sudo", "qn socket status"]);
  expect(await help()).toContain("qn up");
});
