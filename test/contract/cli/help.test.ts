/** What `qn` says when help is asked for, and when a word is not its own. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { runLines } from "../../support/command-lines.ts";
import { run } from "../../../src/system/process.ts";
import { programsMs } from "../../support/fake-vm.ts";
import { repository } from "../../support/program.ts";

setDefaultTimeout(programsMs);

async function say(...words: string[]) {
  const env = { ...process.env, QN_HOME: "/nowhere/at/all" };
  const { stdout, stderr, exitCode } = await run([process.execPath, join(repository, "src/main.ts"), ...words], {
    env,
  });
  return { stdout, stderr, exitCode };
}

test("qn alone, help, --help and -h print the same help, and a group alone its own", async () => {
  const [alone, help, long, short] = await Promise.all([say(), say("help"), say("--help"), say("-h")]);
  expect(alone).toMatchObject({ exitCode: 0, stderr: "", stdout: expect.stringContaining("Usage: qn COMMAND") });
  expect([help, long, short]).toEqual([alone, alone, alone]);
  expect(await say("help", "image")).toEqual(await say("image"));
  expect(await say("image")).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("Usage: qn image COMMAND") });
});

test("the help of a command is the same by every way to ask for it, and ends with its examples", async () => {
  const help = await say("help", "down");
  for (const words of [
    ["down", "--help"],
    ["--help", "down"],
    ["stop", "-h"],
  ])
    expect(await say(...words)).toEqual(help);
  expect(help.stdout).toEndWith("Examples\n  qn down\n  qn down web --force\n  qn down --suspend\n");
});

test("with --json a failure is one object on standard output, and nothing on standard error", async () => {
  for (const [words, code, status] of [
    [["status", "web"], "NO_SUCH_VM", 4],
    [["ls", "extra"], "USAGE", 1],
    [["mounts", "My_VM"], "USAGE", 1],
  ] as const) {
    const { stdout, stderr, exitCode } = await say(...words, "--json");
    expect([JSON.parse(stdout), stderr, exitCode]).toEqual([
      { schema: 1, error: { code, message: expect.any(String), hint: expect.any(String), status, details: [] } },
      "",
      status,
    ]);
  }
});

test("--json with a value is read as commands read it, and stands before -- only", async () => {
  const asJson = ["status web --json=true", "status web --json=1", "status web --json=false --json"];
  const inWords = [
    "status a --json=false",
    "status b --json --no-json",
    "status c --json --json=false",
    "ssh d -- --json",
  ];
  const said = await runLines(
    [...asJson, ...inWords].map((line) => line.split(" ")),
    { QN_HOME: "/nowhere/at/all" },
  );
  expect(said.map(({ stdout, exitCode }) => [stdout.split(",")[0], exitCode])).toEqual([
    ...asJson.map(() => ['{"schema":1', 4]),
    ...inWords.map(() => ["", 4]),
  ]);
});

/** Command lines about a VM, which stands where NOPE does. */
const aboutVm = `status NOPE, down NOPE, restart NOPE, delete NOPE, env NOPE, ssh NOPE, ssh-config NOPE, logs NOPE, events NOPE,
  cp a NOPE:/tmp, cp NOPE:/tmp/a ., config show NOPE, config path NOPE, config unset NOPE cpus, mounts NOPE, ports NOPE, ports ls NOPE --watch, ports rm 8080 NOPE,
  socket link NOPE, clone NOPE other, rename NOPE other, disk ls NOPE, disk rm db NOPE, snapshot ls NOPE,
  snapshot create NOPE a, snapshot restore NOPE a, snapshot rm NOPE a, data export NOPE f, image rollback NOPE,
  service install NOPE, service status NOPE, container ls NOPE, container start NOPE/a, container logs NOPE/a,
  deploy NOPE .#a, nix-builder enable NOPE, report NOPE`;

test("a VM that there is not has one answer everywhere", async () => {
  // Each has a name of its own: consola folds what is said many times over.
  const lines = aboutVm.split(/,\s+/).map((line, index) => line.replace("NOPE", `nope${index}`));
  const said = await runLines(
    lines.map((line) => line.split(" ")),
    { QN_HOME: "/nowhere/at/all" },
  );
  expect(said.map(({ stderr, exitCode }, index) => [lines[index], exitCode, stderr.split("\n")[0]])).toEqual(
    lines.map((line, index) => [line, 4, `✖ There is no VM "nope${index}". [NO_SUCH_VM]`]),
  );
});

test("down and delete succeed for a VM that there is not when they are told so", async () => {
  for (const command of ["down", "delete"])
    expect(await say(command, "nope", "--if-exists")).toMatchObject({ exitCode: 0 });
});
