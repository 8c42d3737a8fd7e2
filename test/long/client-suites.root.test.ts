/** The tests that Docker's clients have of their own, each against a guest without an emulator (test/clients/run.ts). */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { repository, runProgram } from "../support/program.ts";
import { suites } from "../clients/suites.ts";

const programs = ["git", "go", "npm", "python3"].every((name) => Bun.which(name) !== null);
const address = "https://github.com/docker/docker-py";
const canFetch =
  programs && (await runProgram(["timeout", "60", "git", "ls-remote", "--tags", address])).exitCode === 0;
const mayUnshare = (await runProgram(["unshare", "--mount", "--net", "true"])).exitCode === 0;

for (const name of Object.keys(suites)) {
  test.skipIf(!canFetch || !mayUnshare)(
    `${name}: of its own tests none fails that docs/clients.md has no reason for`,
    async () => {
      const { exitCode, stdout, stderr } = await runProgram([
        process.execPath,
        join(repository, "test/clients/run.ts"),
        name,
      ]);
      console.log(stdout);
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    },
    60 * 60_000,
  );
}
