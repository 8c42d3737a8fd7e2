/** `qn upgrade` where there is nothing that it may upgrade. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { programsMs } from "../../support/fake-vm.ts";
import { repository, runProgram } from "../../support/program.ts";

setDefaultTimeout(programsMs);

test("a qn that runs from its source says what upgrades that, before any server is asked, and ends with 56", async () => {
  const words = [process.execPath, join(repository, "src/main.ts"), "upgrade"];
  for (const more of [[], ["--check"], ["--rollback"], ["--version", "v0.2.0"]]) {
    const { exitCode, stdout } = await runProgram([...words, ...more, "--json"], { env: { QN_HOME: "/nowhere" } });
    expect([exitCode, JSON.parse(stdout)]).toMatchObject([
      56,
      { error: { code: "UPGRADE_REFUSED", hint: "To upgrade it: git pull" } },
    ]);
  }
  for (const more of [
    ["--check", "--rollback"],
    ["--version", "1", "--check"],
    ["--version", "../x"],
  ]) {
    const { exitCode, stdout } = await runProgram([...words, ...more, "--json"], { env: { QN_HOME: "/nowhere" } });
    expect([exitCode, JSON.parse(stdout)]).toMatchObject([1, { error: { code: "USAGE" } }]);
  }
});
