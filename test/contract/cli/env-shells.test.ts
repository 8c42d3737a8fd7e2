/** What `qn env` prints, read by the shells themselves. */
import { expect, test } from "bun:test";
import { renderEnv } from "../../../src/cli/terminal/env-lines.ts";
import { findProgram, run } from "../../../src/system/process.ts";
import { newFolder } from "../../support/folder.ts";

const paths = ["/home/ann/.qn/default/docker.sock", String.raw`/o'ne "two" \ $HOME ${"`"}id${"`"} & ; * ü/docker.sock`];

/** Each shell's way to take over what another program prints, as its documentation shows it. */
const shells = {
  bash: ["-c", 'eval "$(cat)"; printf %s "$DOCKER_HOST"'],
  zsh: ["-fc", 'eval "$(cat)"; printf %s "$DOCKER_HOST"'],
  fish: ["--no-config", "-c", "cat | source; printf %s $DOCKER_HOST"],
} as const;

for (const [shell, words] of Object.entries(shells)) {
  test.skipIf(findProgram(shell) === undefined)(`${shell} takes over every path as it is`, async () => {
    // fish makes its folders there, wherever it is.
    await using home = await newFolder();
    for (const path of paths) {
      const env = { PATH: process.env["PATH"], HOME: home.path };
      const { stdout, stderr } = await run([shell, ...words], { stdin: Buffer.from(renderEnv(shell, path)), env });
      expect([stdout, stderr]).toEqual([`unix://${path}`, ""]);
    }
  });
}

test("sh takes over what is meant for bash", async () => {
  for (const path of paths) {
    const { stdout } = await run(["sh", ...shells.bash], { stdin: Buffer.from(renderEnv("bash", path)) });
    expect(stdout).toBe(`unix://${path}`);
  }
});
