/** A process that gives up all files but those below one folder. */
import { expect, test } from "bun:test";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { newFolder } from "../../../support/folder.ts";
import { runProgram } from "../../../support/program.ts";

const source = join(import.meta.dir, "../../../../src/system/kernel");

/** Confines itself to the first folder, and says which of the other paths it can open, and whether it can make one. */
const program = `
import { AT_FDCWD, mkdirAt, O_DIRECTORY, openAt } from ${JSON.stringify(join(source, "file-calls.ts"))};
import { confineTo } from ${JSON.stringify(join(source, "landlock.ts"))};
import { allocate } from ${JSON.stringify(join(source, "memory.ts"))};
const [folder, readOnly, ...paths] = process.argv.slice(2);
const { address, bytes } = allocate(4096);
const open = (path, flags = 0) => { bytes.set(Buffer.from(path + "\\0")); return openAt(AT_FDCWD, address, flags); };
const confined = confineTo(open(folder, O_DIRECTORY), readOnly === "true");
const opened = paths.map((path) => open(path) >= 0);
bytes.set(Buffer.from(folder + "/made\\0"));
console.log(JSON.stringify([confined, ...opened, mkdirAt(AT_FDCWD, address, 0o755) >= 0]));
`;

/** Kernels before 5.19 have none that is of use: `confineTo` then says so and does nothing. */
const lacks = !(
  await Bun.file("/sys/kernel/security/lsm")
    .text()
    .catch(() => "landlock")
).includes("landlock");

test.skipIf(lacks).each([
  ["may write", false],
  ["only reads", true],
])("who is confined to a folder and %s reaches nothing else, by no link either", async (_, readOnly) => {
  await using place = await newFolder();
  const folder = join(place.path, "folder");
  await mkdir(folder);
  await writeFile(join(place.path, "outside"), "");
  await writeFile(join(folder, "inside"), "");
  await symlink("../outside", join(folder, "link"));
  await writeFile(join(place.path, "program.ts"), program);
  const paths = ["inside", "link", "../outside"].map((name) => join(folder, name));
  const command = [process.execPath, join(place.path, "program.ts"), folder, `${readOnly}`, ...paths, "/etc/passwd"];
  const { stdout, stderr } = await runProgram(command);
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toEqual([true, true, false, false, false, !readOnly]);
});

test.skipIf(lacks)("the first call that fails behind it has its own number", async () => {
  await using place = await newFolder();
  const first = program.slice(0, program.indexOf("const opened"));
  const text = `${first}bytes.set(Buffer.from(folder + "\\0"));\nconsole.log(mkdirAt(AT_FDCWD, address, 0o755));\n`;
  await writeFile(join(place.path, "program.ts"), text);
  const { stdout, stderr } = await runProgram([process.execPath, join(place.path, "program.ts"), place.path, "false"]);
  // EEXIST.
  expect([stdout.trim(), stderr]).toEqual(["-17", ""]);
});
