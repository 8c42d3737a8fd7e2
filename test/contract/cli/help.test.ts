/** What `qn` says when help is asked for, and when a word is not its own. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { run } from "../../../src/system/process.ts";
import { repository } from "../../support/program.ts";

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
  expect(help.stdout).toEndWith("Examples\n  qn down\n  qn down web --force\n");
});

/** What people type from habit, and what qn says to it. */
const answers: Readonly<Record<string, string>> = {
  strat: "Did you mean qn start?",
  update: "Did you mean qn image build --fresh?",
  edit: "Did you mean qn config edit?",
  hop: "qn --help lists them.",
  "image lst": "Did you mean qn image ls?",
  "image nothing --help": "qn image --help lists them.",
  "help image nothing": "qn image --help lists them.",
  "service enabl": "Did you mean qn service enable?",
  "up --memory 4": "Did you mean --memory 4G?",
  why: "See qn why --help.",
};

for (const [words, hint] of Object.entries(answers)) {
  test(`qn ${words} is answered with: ${hint}`, async () => {
    const { stdout, stderr, exitCode } = await say(...words.split(" "));
    expect([stdout, stderr.split("\n").slice(1), exitCode]).toEqual(["", [`  ${hint}`, ""], 1]);
    expect(stderr).toMatch(/^✖ .*\. \[USAGE\]\n/);
  });
}

test("with --json a failure is one object on standard output, and nothing on standard error", async () => {
  for (const [words, code, status] of [
    [["status", "web"], "NO_SUCH_VM", 4],
    [["ls", "extra"], "USAGE", 1],
    [["mounts", "My_VM"], "USAGE", 1],
  ] as const) {
    const { stdout, stderr, exitCode } = await say(...words, "--json");
    expect([JSON.parse(stdout), stderr, exitCode]).toEqual([
      { error: { code, message: expect.any(String), hint: expect.any(String), status, details: [] } },
      "",
      status,
    ]);
  }
});

test("a VM that there is not has one answer everywhere", async () => {
  const lines = [
    "status",
    "down",
    "delete",
    "env",
    "config show",
    "config path",
    "logs",
    "mounts",
    "ports",
    "socket link",
    "ssh",
  ];
  for (const line of lines) {
    const { stderr, exitCode } = await say(...line.split(" "), "nope");
    expect([line, exitCode, stderr.split("\n")[0]]).toEqual([line, 4, '✖ There is no VM "nope". [NO_SUCH_VM]']);
  }
});

test("down and delete succeed for a VM that there is not when they are told so", async () => {
  for (const command of ["down", "delete"])
    expect(await say(command, "nope", "--if-exists")).toMatchObject({ exitCode: 0 });
});
