/** What the guest is told of the flake that it should make itself from. */
import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { announceFlake } from "../../../../src/agent/setup/flake.ts";
import { isThere } from "../../../../src/system/files.ts";
import { newFolder } from "../../../support/folder.ts";

test("a flake is two lines for the unit that waits for them, and no flake is no file", async () => {
  await using folder = await newFolder();
  const path = join(folder.path, "flake");
  await announceFlake({ folder: "/home/ann/my machines", name: "web" }, path);
  expect(await readFile(path, "utf8")).toBe("/home/ann/my machines\nweb\n");
  await announceFlake(undefined, path);
  expect(await isThere(path)).toBe(false);
  await announceFlake(undefined, path);
});
