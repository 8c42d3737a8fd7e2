/** Files of a VM that are of another kind than qn has made: a sentence that names them, and nobody waits or calls it a bug. */
import { afterAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../../src/system/process.ts";
import { repository } from "../../support/program.ts";

const home = await mkdtemp("/tmp/qn-strange-");
afterAll(() => rm(home, { recursive: true, force: true }));

async function said(words: readonly string[]): Promise<string> {
  const { exitCode, stderr } = await run([process.execPath, join(repository, "src/main.ts"), ...words], {
    env: { ...process.env, QN_HOME: home, NO_COLOR: "1" },
    signal: AbortSignal.timeout(10_000),
  });
  return `${exitCode} ${stderr}`;
}

test("a FIFO in the place of config.yaml keeps nobody waiting", async () => {
  const config = join(home, "web/config.yaml");
  await mkdir(join(home, "web"));
  await run(["mkfifo", config]);
  for (const words of [
    ["status", "web"],
    ["up", "web"],
  ]) {
    expect(await said(words)).toMatch(new RegExp(`^6 [^]*${config} cannot be used: [^]*HOME_UNUSABLE`));
  }
});

test("a folder in the place of config.yaml is told of by its name", async () => {
  const config = join(home, "db/config.yaml");
  await mkdir(config, { recursive: true });
  expect(await said(["status", "db"])).toMatch(new RegExp(`^6 [^]*${config}[^]*HOME_UNUSABLE`));
});
