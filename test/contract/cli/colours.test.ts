/** Colours on a terminal, and none for who does not want them. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { run } from "../../../src/system/process.ts";
import { repository } from "../../support/program.ts";

/** What `qn` prints on a terminal of script(1)'s, whose options are those of Linux. */
async function onTerminal(words: string, env: Record<string, string>): Promise<string> {
  const qn = `'${process.execPath}' '${join(repository, "src/main.ts")}'`;
  const { CI: _ci, NO_COLOR: _noColor, FORCE_COLOR: _force, ...own } = process.env;
  const { stdout } = await run(["script", "-qec", `${qn} ${words}`, "/dev/null"], {
    env: { ...own, TERM: "xterm-256color", ...env },
  });
  return stdout;
}

test.skipIf(process.platform !== "linux")(
  "help and errors have colours on a terminal, unless NO_COLOR is set",
  async () => {
    for (const words of ["--help", "nonsense"]) {
      expect(await onTerminal(words, { NO_COLOR: "yes" })).not.toContain("\u001b");
    }
    expect(await onTerminal("--help", {})).toContain("\u001b[");
  },
);

test("--quiet leaves out what is not an error, --verbose adds where it comes from", async () => {
  const qn = [process.execPath, join(repository, "src/main.ts")];
  const say = async (...words: string[]) => {
    const env = { ...process.env, QN_HOME: "/nowhere/at/all" };
    const { stderr, exitCode } = await run([...qn, ...words], { env });
    return [exitCode, stderr.trim() === ""];
  };
  expect([await say("ls"), await say("ls", "--quiet"), await say("down", "-q")]).toEqual([
    [0, false],
    [0, true],
    [4, false],
  ]);
});
