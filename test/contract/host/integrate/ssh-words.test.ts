/** What `qn ssh` hands to the remote shell, read by a real shell. */
import { expect, test } from "bun:test";
import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sshCommand } from "../../../../src/host/integrate/ssh-command.ts";
import { layoutOf } from "../../../../src/host/layout.ts";
import { findProgram, run } from "../../../../src/system/process.ts";

const paths = layoutOf("/home/ann/.qn").vm("default");

/** A program that prints its arguments and its folder as JSON. */
const echo = [process.execPath, "-e", "console.log(JSON.stringify([process.cwd(), ...process.argv.slice(1)]))", "--"];

/** Lets `shell` run what ssh would hand to it. */
async function remotely(shell: string, cwd: string, words: readonly string[], shares: readonly string[]) {
  const remote =
    sshCommand(
      paths,
      shares.map((path) => ({ path, readOnly: false })),
      cwd,
      words,
      false,
    ).at(-1) ?? "";
  return await run([shell, "-c", remote], { cwd: "/" });
}

const words = [
  "plain",
  "",
  " ",
  "two words",
  "it's",
  "''",
  "'",
  '"double" $HOME `id` $(id) \\ \\n',
  "* ? [a-z] ~ !history",
  "; echo injected",
  "&& || | > /dev/null < &",
  "a\nb\n",
  "\t",
  "-n",
  "--",
  "ünï©ödé 🐳",
];

for (const shell of ["sh", "bash", "zsh", "dash"]) {
  test.skipIf(findProgram(shell) === undefined)(`${shell} hands every word on as it was given`, async () => {
    const { stdout, stderr, exitCode } = await remotely(shell, "/elsewhere", [...echo, ...words], []);
    expect([stderr, exitCode]).toEqual(["", 0]);
    expect(JSON.parse(stdout)).toEqual(["/", ...words]);
  });
}

test("a command starts in the folder one is in, whatever its name", async () => {
  const home = await realpath(await mkdtemp(join(tmpdir(), "qn-ssh-")));
  try {
    const folder = join(home, "it's a $HOME; `id`\n");
    await mkdir(folder);
    expect(JSON.parse((await remotely("sh", folder, echo, [home])).stdout)).toEqual([folder]);
  } finally {
    await rm(home, { recursive: true });
  }
});

test("a folder that the guest has not lets the command run all the same, without a word about it", async () => {
  const { stdout, stderr, exitCode } = await remotely("sh", "/srv/gone/away", echo, ["/srv"]);
  expect([JSON.parse(stdout), stderr, exitCode]).toEqual([["/"], "", 0]);
});

test("the exit status is the command's own", async () => {
  expect((await remotely("sh", "/", ["sh", "-c", "exit 42"], [])).exitCode).toBe(42);
});
