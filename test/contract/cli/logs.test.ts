/** `qn logs --tail`: the last lines of a log, wherever the pieces end in which it is looked through. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { programsMs } from "../../support/fake-vm.ts";
import { repository, runProgram } from "../../support/program.ts";
import { tempHome } from "../../support/temp-home.ts";

setDefaultTimeout(programsMs);

test("the last lines of a log are shown, all of a shorter one, and a line without an end is one", async () => {
  await using home = await tempHome({ images: false });
  await mkdir(join(home.path, "web"));
  const tail = async (text: string, lines: string): Promise<string> => {
    await Bun.write(join(home.path, "web/supervisor.log"), text);
    const program = [process.execPath, join(repository, "src/main.ts"), "logs", "web", "-n", lines];
    return (await runProgram(program, { env: { QN_HOME: home.path } })).stdout;
  };
  // A line of a piece's length, and one that ends right where a piece does.
  const long = `${"x".repeat(65_535)}\n`;
  const text = `first\n${long}${long}last\n`;
  expect(await tail(text, "1")).toBe("last\n");
  expect(await tail(text, "2")).toBe(`${long}last\n`);
  expect(await tail(text, "3")).toBe(`${long}${long}last\n`);
  expect([(await tail(text, "4")) === text, (await tail(text, "9")) === text]).toEqual([true, true]);
  expect([await tail("a\n\nb", "2"), await tail("a\n\n", "1"), await tail("\n", "1"), await tail("", "3")]).toEqual([
    "\nb",
    "\n",
    "\n",
    "",
  ]);
});

test("a log that is not there yet is said to be so, to a person alone", async () => {
  await using home = await tempHome({ images: false });
  await mkdir(join(home.path, "web"));
  const program = [process.execPath, join(repository, "src/main.ts"), "logs", "web", "--source", "qemu"];
  expect(await runProgram(program, { env: { QN_HOME: home.path } })).toMatchObject({
    exitCode: 0,
    stdout: "",
    stderr: 'The VM "web" has no such log yet: qemu.\n',
  });
});
