/** Whether there is a daemon that serves shares, and what is said when there is none that will do. */
import { expect, test } from "bun:test";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findVirtiofsd, openFilesWarning } from "../../../../src/host/qemu/probe-virtiofsd.ts";
import { failureOf } from "../../../support/failures.ts";
import { newFolder } from "../../../support/folder.ts";

/** A program named virtiofsd in `folder` that prints `words`. */
async function daemonIn(folder: string, words: string): Promise<string> {
  const path = join(folder, "virtiofsd");
  await writeFile(path, `#!/bin/sh\necho '${words}'\n`);
  await chmod(path, 0o755);
  return path;
}

test("a new daemon is taken from PATH, or from where QN_VIRTIOFSD says", async () => {
  await using folder = await newFolder();
  const path = await daemonIn(folder.path, "virtiofsd 1.13.2");
  expect(await findVirtiofsd({ PATH: `${folder.path}:/usr/bin:/bin` }, "linux")).toBe(path);
  expect(await findVirtiofsd({ PATH: "/usr/bin:/bin", QN_VIRTIOFSD: path }, "linux")).toBe(path);
});

test("QEMU's own old daemon, none at all and another system than Linux are refused with the way out", async () => {
  await using folder = await newFolder();
  const path = await daemonIn(folder.path, "using FUSE kernel interface version 7.36");
  const old = await failureOf(() => findVirtiofsd({ QN_VIRTIOFSD: path, PATH: "/usr/bin:/bin" }, "linux"));
  expect([old.code, old.message]).toEqual([
    "TOOL_MISSING",
    `${path} is too old for files.driver virtiofs: it says "using FUSE kernel interface version 7.36".`,
  ]);
  const none = await failureOf(() => findVirtiofsd({ QN_VIRTIOFSD: "/nowhere/virtiofsd" }, "linux"));
  expect([none.code, none.message]).toEqual([
    "TOOL_MISSING",
    'files.driver is virtiofs, but QN_VIRTIOFSD names "/nowhere/virtiofsd", which is no program.',
  ]);
  const mac = await failureOf(() => findVirtiofsd({}, "darwin"));
  expect([mac.code, mac.message]).toEqual([
    "CONFIG_INVALID",
    "files.driver is virtiofs, which QEMU has on Linux only.",
  ]);
});

test("a small limit of open files is a warning with the number, and the usual one is none", () => {
  const limits = (hard: string) =>
    `Limit                     Soft Limit           Hard Limit           Units     \nMax open files            1024                 ${hard.padEnd(20)} files     \n`;
  expect(openFilesWarning(limits("20000"))).toStartWith("virtiofsd may open 20000 files here");
  expect(["524288", "1048576", "unlimited"].map((hard) => openFilesWarning(limits(hard)))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
