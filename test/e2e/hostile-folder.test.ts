/** A checkout of somebody else's is only a folder to stand in: qn reads neither its `.env` nor its `bunfig.toml`. */
import { expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import manifest from "../../package.json";
import { qn, qnProgram, runProgram } from "../support/program.ts";
import { tempHome } from "../support/temp-home.ts";

/** Not absolute, and so refused wherever it is read. */
const hostileHome = "a-folder-of-theirs";

/** A folder whose files try to steer a Bun program that is started in it; `marker` is there once its code ran. */
async function hostileFolder(parent: string): Promise<{ path: string; marker: string }> {
  const path = join(parent, "hostile");
  const marker = join(parent, "the-preload-ran");
  await mkdir(path);
  await Bun.write(join(path, "preload.ts"), `await Bun.write(${JSON.stringify(marker)}, "");`);
  await Bun.write(join(path, "bunfig.toml"), 'preload = ["./preload.ts"]\n');
  const variables = { QN_HOME: hostileHome, SEEN: "yes", NODE_OPTIONS: "--require ./preload.ts" };
  await Bun.write(
    join(path, ".env"),
    Object.entries(variables)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(""),
  );
  return { path, marker };
}

test("in a hostile folder qn runs none of its code and reads none of its settings", async () => {
  await using home = await tempHome({ images: false });
  const folder = await hostileFolder(home.path);

  const version = await qn(home.path, ["--version"], { cwd: folder.path });
  expect(version).toMatchObject({ exitCode: 0, stderr: "" });
  expect(version.stdout).toStartWith(`${manifest.version} (`);

  // Without QN_HOME in the environment, the one in `.env` would be the one that counts, and would be refused.
  const status = (cwd: string, env: Record<string, string | undefined>) =>
    runProgram([qnProgram, "status", "--json"], { cwd, env: { HOME: home.path, QN_HOME: undefined, ...env } });
  const elsewhere = await status(home.path, {});
  expect(await status(folder.path, {})).toEqual(elsewhere);
  expect(await status(folder.path, { QN_HOME: hostileHome })).not.toEqual(elsewhere);
  expect(await Bun.file(folder.marker).exists()).toBe(false);
});

test("the same folder does steer a program that Bun builds with its usual settings", async () => {
  await using home = await tempHome({ images: false });
  const folder = await hostileFolder(home.path);
  const source = join(home.path, "seen.ts");
  await Bun.write(source, 'console.log(process.env["SEEN"], process.env["QN_HOME"]);');
  const program = join(home.path, "seen");
  const build = await runProgram([process.execPath, "build", "--compile", source, `--outfile=${program}`]);
  expect(build.exitCode).toBe(0);

  const outcome = await runProgram([program], { cwd: folder.path, env: { QN_HOME: undefined } });

  expect(outcome.stdout).toBe(`yes ${hostileHome}\n`);
  expect(await Bun.file(folder.marker).exists()).toBe(true);
});
