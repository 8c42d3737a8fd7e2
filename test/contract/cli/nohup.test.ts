/** What is started to outlive its terminal (nohup) does, with what it has started itself. */
import { expect, test } from "bun:test";
import { join } from "node:path";

const terminal = join(import.meta.dir, "../../../src/cli/terminal");
const script = `
  import { runForeground } from ${JSON.stringify(join(terminal, "foreground.ts"))};
  import { interruption } from ${JSON.stringify(join(terminal, "signals.ts"))};
  using interrupted = interruption();
  const { exitCode, wasInterrupted } = await runForeground(["sh", "-c", process.argv.at(-1)]);
  console.log(exitCode, wasInterrupted, interrupted.signal.aborted);
`;

/** Both get what a terminal's end sends to all of a job; or the second gets what the first passes on. */
const toBoth = "kill -HUP $PPID; kill -HUP $$; exit 7";
const passedOn = "kill -HUP $PPID; exec sleep 600";

test.each([
  ["trap '' HUP; ", toBoth, "7 false false\n"],
  ["", passedOn, "129 true true\n"],
])("after %p the end of a terminal by %p is heard as %p", async (before, how, said) => {
  const words = ["sh", "-c", `${before}exec "$@"`, "sh", process.execPath, "-e", script, how];
  const child = Bun.spawn(words, { stdout: "pipe", stderr: "inherit" });
  expect(await new Response(child.stdout).text()).toBe(said);
});
