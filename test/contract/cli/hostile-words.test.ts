/** What a guest has written, in logs, states and errors, as a person sees it on a terminal: shown, and not obeyed. */
import { afterAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../../src/system/process.ts";
import { repository } from "../../support/program.ts";

/** A window's title, the clipboard (OSC 52), a C1 control. */
const title = "\u001b]0;owned\u0007";
const hostile = `${title}\u001b]52;c;aGk=\u001b\\\u009b2J`;
const seen = String.raw`\x1b]0;owned\x07\x1b]52;c;aGk=\x1b\\x9b2J`;

const home = await mkdtemp("/tmp/qn-words-");
afterAll(() => rm(home, { recursive: true, force: true }));
await mkdir(join(home, "web"));
await writeFile(join(home, "web/config.yaml"), "cpus: 1\n");
await writeFile(join(home, "web/serial.log"), `first\r\n${hostile}größer\r\nlast\r\n`);
await writeFile(
  join(home, "web/last-failure.json"),
  JSON.stringify({ code: "QEMU_FAILED", message: `QEMU said ${hostile}\nstate  running`, hint: "", details: [] }),
);

const qn = [process.execPath, join(repository, "src/main.ts")];
const env = { ...process.env, QN_HOME: home, TERM: "xterm-256color", NO_COLOR: "1" };

/** What a command prints on a terminal of script(1)'s, whose options are those of Linux. */
async function onTerminal(words: string): Promise<string> {
  const { stdout } = await run(["script", "-qec", `${qn.map((word) => `'${word}'`).join(" ")} ${words}`, "/dev/null"], {
    env,
  });
  return stdout.replaceAll("\r\n", "\n");
}

const onLinux = test.skipIf(process.platform !== "linux");

onLinux("qn logs shows control characters on a terminal, line by line, and obeys none of them", async () => {
  expect(await onTerminal("logs web --source serial")).toBe(`first\n${seen}größer\nlast\n`);
});

onLinux("qn logs --raw gives a terminal what was written, and a pipe always gets that", async () => {
  expect(await onTerminal("logs web --source serial --raw")).toContain(title);
  const piped = await run([...qn, "logs", "web", "--source", "serial"], { env });
  expect(piped.stdout).toBe(`first\r\n${hostile}größer\r\nlast\r\n`);
});

onLinux("the reason of a status is one line of it, whatever stands in it", async () => {
  const said = await onTerminal("status web");
  expect(said).toContain(`QEMU said ${seen}\\x0astate  running`);
  expect(said.replaceAll(/[\r\n]/g, "")).not.toMatch(/\p{Cc}/u);
  expect(said.split("\n").filter((line) => line.startsWith("state"))).toHaveLength(1);
});

onLinux("JSON on a terminal is the same value, and has no control character in it", async () => {
  const said = await onTerminal("status web --json");
  expect(said.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
  expect(JSON.parse(said)).toMatchObject({ reason: expect.stringContaining(hostile) });
});

onLinux("an error's message, details and hint obey nothing either", async () => {
  const said = await onTerminal(String.raw`logs web --source "$(printf 'x\033]0;owned\007\ny')"`);
  expect(said).toContain(String.raw`--source is "x\x1b]0;owned\x07\x0ay"`);
  expect(said.replaceAll(/[\r\n]/g, "")).not.toMatch(/\p{Cc}/u);
});

test("no word of somebody's is taken for a mark of qn's own, and none is lost", async () => {
  await mkdir(join(home, "marks"));
  await writeFile(join(home, "marks/config.yaml"), '"a`b": 1\n"c _d_ e": 2\n');
  const { stderr } = await run([...qn, "config", "show", "marks"], { env });
  const [, first, second] = stderr.split("\n");
  expect([first?.split(" is ")[0], second?.split(" is ")[0]]).toEqual(["  a`b", "  c _d_ e"]);
});
