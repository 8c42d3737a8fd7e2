/** `qn run` on the fake QEMU: a Docker of the command's own, and what is left of it, whoever dies. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { readdir, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { takeDown } from "../../../../src/host/lifecycle/down.ts";
import { type FakeVm, fakeVm, processesWith, programsMs } from "../../../support/fake-vm.ts";
import { type Outcome, repository, runProgram } from "../../../support/program.ts";
import { until } from "../../../support/until.ts";

setDefaultTimeout(programsMs);

const self = [process.execPath, join(repository, "src/main.ts")];

function variables({ env, layout }: FakeVm): Record<string, string | undefined> {
  return { ...env, QN_HOME: layout.home, DOCKER_HOST: undefined, DOCKER_CONTEXT: "elsewhere" };
}

/** The words of `qn run` with what follows. */
function words(...more: readonly string[]): readonly string[] {
  return [...self, "run", "--memory", "512", ...more];
}

function run(vm: FakeVm, ...more: readonly string[]): Promise<Outcome> {
  return runProgram(words(...more), { env: variables(vm) });
}

/** Runs a shell's script. */
function runScript(vm: FakeVm, script: string): Promise<Outcome> {
  return run(vm, "--", "sh", "-c", script);
}

/** A `qn run` whose command has begun. It sleeps, and has written its number to `began` in the folder of its VM. */
async function begun(vm: FakeVm): Promise<{ readonly qn: Bun.Subprocess; readonly folder: string }> {
  const note = join(vm.layout.home, "_tools", `began-${crypto.randomUUID()}`);
  const script = `trap 'exit 9' TERM; echo "$DOCKER_HOST" > ${note}.part; mv ${note}.part ${note}; sleep 100 & wait`;
  const qn = Bun.spawn([...words("--", "sh", "-c", script)], {
    env: variables(vm),
    stdio: ["ignore", "ignore", "ignore"],
  });
  const began = (): true | undefined => (existsSync(note) ? true : undefined);
  await until("a command that runs", programsMs, began);
  return { qn, folder: dirname(readFileSync(note, "utf8").trim().replace("unix://", "")) };
}

/** The folders that are there, by what they are. */
async function kinds({ layout }: FakeVm): Promise<string[]> {
  return (await readdir(layout.throwaways)).map((name) => name.slice(0, 2));
}

/** Resolves when no process has to do with throw-away VMs any more. */
async function isQuiet({ layout }: FakeVm): Promise<void> {
  await until("the end of all of it", programsMs, async () =>
    (await processesWith(layout.throwaways)).length === 0 ? true : undefined,
  );
}

test("a command has a Docker of its own, and leaves nothing but a template, from which the next one begins", async () => {
  await using vm = await fakeVm("boots");
  const script =
    'folder=$(dirname "${DOCKER_HOST#unix://}"); echo "$DOCKER_CONTEXT $DOCKER_HOST"; cat "$folder/boot.json"; exit 7';
  const [first, second] = [await runScript(vm, script), await runScript(vm, script)];
  expect([first.exitCode, second.exitCode, second.stderr]).toEqual([7, 7, ""]);
  expect(first.stderr).toContain("A template is made, once");
  const [line = "", boot = ""] = first.stdout.split("\n");
  const [otherLine = "", otherBoot = ""] = second.stdout.split("\n");
  expect([line, otherLine]).toEqual([
    expect.stringMatching(/^ unix:\/\/.*\/_run\/r-[0-9a-f]{8}\/run\/docker\.sock$/),
    expect.stringMatching(/^ unix:\/\/.*\/_run\/r-[0-9a-f]{8}\/run\/docker\.sock$/),
  ]);
  expect(line).not.toBe(otherLine);
  const secrets = [boot, otherBoot].map((text) => (JSON.parse(text) as { secret: string }).secret);
  expect(secrets[0]).not.toBe(secrets[1] ?? "");
  expect(await kinds(vm)).toEqual(["t-"]);
  await isQuiet(vm);
});

test("a command that shall reach nothing has a closed guest, which goes on from the same template", async () => {
  await using vm = await fakeVm("boots");
  const show = ["--", "sh", "-c", 'cat "$(dirname "${DOCKER_HOST#unix://}")/boot.json"'];
  const [open, closed] = [await run(vm, ...show), await run(vm, "--network", "none", ...show)];
  expect([open.stdout.includes("restrict=on"), closed.stdout.includes("restrict=on")]).toEqual([false, true]);
  expect([closed.stderr, await kinds(vm)]).toEqual(["", ["t-"]]);
  const mistaken = await run(vm, "--network", "host", "--", "true");
  expect([mistaken.exitCode, mistaken.stderr]).toEqual([5, expect.stringContaining("network.reach must be")]);
});

test("a signal is the command's, and so is the exit status", async () => {
  await using vm = await fakeVm("boots");
  const { qn } = await begun(vm);
  qn.kill("SIGTERM");
  expect(await qn.exited).toBe(9);
  expect(await kinds(vm)).toEqual(["t-"]);
});

test("a qn that is killed takes QEMU and all files with it", async () => {
  await using vm = await fakeVm("boots");
  const { qn, folder } = await begun(vm);
  expect(await processesWith(`${folder}/qmp.sock`)).not.toEqual([]);
  qn.kill("SIGKILL");
  await isQuiet(vm);
  expect(
    await until("only a template", programsMs, async () => ((await kinds(vm)).join() === "t-" ? true : undefined)),
  ).toBe(true);
});

test("what is left where the helper was killed too goes with the next run, whose own VM is left alone", async () => {
  await using vm = await fakeVm("boots");
  const { qn, folder } = await begun(vm);
  const living = await begun(vm);
  const holders = await new Response(Bun.spawn(["pgrep", "-f", `qn-run ${dirname(folder)}$`]).stdout).text();
  for (const pid of holders.trim().split("\n")) process.kill(Number(pid), "SIGKILL");
  qn.kill("SIGKILL");
  await qn.exited;
  expect(await processesWith(`${folder}/qmp.sock`)).not.toEqual([]);
  expect((await run(vm, "--", "true")).exitCode).toBe(0);
  expect([await processesWith(folder), existsSync(folder), existsSync(living.folder)]).toEqual([[], false, true]);
  living.qn.kill("SIGTERM");
  expect(await living.qn.exited).toBe(9);
});

test("a template is made anew when a disk of it, or what it begins with, has changed", async () => {
  await using vm = await fakeVm("boots");
  await vm.up();
  await takeDown(vm.paths, { force: false, env: vm.env });
  const fromDefault = ["--from", "default", "--", "true"];
  expect((await run(vm, ...fromDefault)).stderr).toContain("A template is made, once");
  expect(await run(vm, ...fromDefault)).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  const [id = ""] = await readdir(vm.layout.throwaways);
  await utimes(vm.layout.throwaway(id).dataDisk, 1, 1);
  expect((await run(vm, ...fromDefault)).stderr).toMatch(/The template is made anew: .*run\.raw has changed/);
  await utimes(vm.paths.dataDisk, 1, 1);
  expect((await run(vm, ...fromDefault)).stderr).toContain("made anew: what it was made from has changed");
  writeFileSync(vm.layout.throwaway(id).suspended, "x");
  expect((await run(vm, ...fromDefault)).stderr).toContain("made anew: it is not whole");
  expect(await run(vm, ...fromDefault)).toEqual({ exitCode: 0, stdout: "", stderr: "" });
});

test("a guest that stays what its template was is ended, and says why in plain words", async () => {
  await using vm = await fakeVm("never-renews");
  const { exitCode, stderr } = await runScript(vm, "echo never");
  expect([exitCode, stderr]).toEqual([
    52,
    expect.stringContaining(String.raw`The guest cannot be made anew: no \x1b[2Jspace`),
  ]);
  await isQuiet(vm);
  expect(await kinds(vm)).toEqual(["t-"]);
});

test("a command whose Docker dies is told of, however soon it ends for that, and its exit status counts", async () => {
  await using vm = await fakeVm("boots");
  const lines = [
    'folder="$(dirname "${DOCKER_HOST#unix://}")"',
    'kill -9 "$(sed \'s/.*"qemuPid":\\([0-9]*\\).*/\\1/\' "$folder/boot.json")"',
    'while [ -S "$folder/docker.sock" ]; do :; done',
    "exit 5",
  ];
  const { exitCode, stderr } = await runScript(vm, lines.join("\n"));
  expect([exitCode, stderr]).toEqual([5, expect.stringContaining("The command's Docker is gone.")]);
  await isQuiet(vm);
  expect(await kinds(vm)).toEqual(["t-"]);
});

test("two that begin at once have one template", async () => {
  await using vm = await fakeVm("boots");
  const both = await Promise.all([run(vm, "--", "true"), run(vm, "--", "true")]);
  expect(both.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
  expect(await kinds(vm)).toEqual(["t-"]);
});

test("nothing is started for a program that there is not, or a folder that cannot be mounted", async () => {
  await using vm = await fakeVm("boots");
  const missing = await run(vm, "--", "no-such-program");
  expect([missing.exitCode, missing.stderr]).toEqual([
    13,
    expect.stringContaining('There is no program "no-such-program"'),
  ]);
  expect((await run(vm)).stderr).toContain("There is no command to run");
  expect(existsSync(vm.layout.throwaways)).toBe(false);
  const { exitCode, stderr } = await run(vm, "--mount", vm.layout.home, "--", "true");
  expect([exitCode, stderr]).toEqual([5, expect.stringContaining("which is never mounted")]);
  await isQuiet(vm);
});

test("templates go with `qn image prune`, and keep their image until then", async () => {
  await using vm = await fakeVm("boots");
  await run(vm, "--", "true");
  const qn = (...more: readonly string[]) => runProgram([...self, ...more], { env: variables(vm) });
  expect((await qn("image", "rm", "debian")).stderr).toContain("IMAGE_IN_USE");
  expect((await qn("image", "prune", "--dry-run")).stdout).toContain("template of qn run");
  expect(await kinds(vm)).toEqual(["t-"]);
  expect((await qn("image", "prune")).stderr).toContain("1 template of qn run are free");
  expect(await kinds(vm)).toEqual([]);
  expect((await qn("image", "rm", "debian")).exitCode).toBe(0);
});
