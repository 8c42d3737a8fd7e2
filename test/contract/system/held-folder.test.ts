/** A folder that is held stays the same one, and what has become a link since somebody looked is not taken for it. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { watch } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { holdFolder } from "../../../src/system/held-folder.ts";

let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "qn-held-"));
  await mkdir(join(root, "project/src"), { recursive: true });
  await mkdir(join(root, "private/src"), { recursive: true });
  await writeFile(join(root, "private/src/secret-name"), "");
});
afterEach(() => rm(root, { recursive: true }));

test("a folder whose place a link has taken, or that of a folder above it, is not held", async () => {
  const folder = join(root, "project/src");
  holdFolder(folder)?.[Symbol.dispose]();
  await rename(join(root, "project"), join(root, "moved"));
  await symlink(join(root, "private"), join(root, "project"));
  expect(process.platform === "linux" ? holdFolder(folder) : undefined).toBeUndefined();
  expect(holdFolder(join(root, "project"))).toBeUndefined();
  expect([holdFolder(join(root, "nowhere")), holdFolder(join(root, "private/src/secret-name"))]).toEqual([
    undefined,
    undefined,
  ]);
});

test.skipIf(process.platform !== "linux")(
  "what is read and watched by a held folder is that folder, wherever it is moved",
  async () => {
    const folder = join(root, "project/src");
    const held = holdFolder(folder);
    if (held === undefined) throw new Error("It is not held.");
    await rename(folder, join(root, "moved"));
    await symlink(join(root, "private/src"), folder);
    const heard = Promise.withResolvers<string | null>();
    const watcher = watch(held.path, (_event, name) => heard.resolve(name));
    expect(await readdir(held.path)).toEqual([]);
    held[Symbol.dispose]();
    await writeFile(join(root, "private/src/other"), "");
    await writeFile(join(root, "moved/own"), "");
    expect(await heard.promise).toBe("own");
    watcher.close();
  },
);
