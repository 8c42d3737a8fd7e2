/** Folders of throw-away VMs, made while others look for those that are left. */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { layoutOf } from "../../../../src/host/layout.ts";
import { homeOf, newCopy, sweepCopies } from "../../../../src/host/throwaway/folders.ts";
import { newFolder } from "../../../support/folder.ts";

test("who makes a folder while others sweep has one of its own, and those hear nothing of it", async () => {
  await using folder = await newFolder();
  const layout = layoutOf(folder.path);
  await mkdir(layout.throwaways);
  const over = new AbortController();
  const sweeping = [1, 2, 3].map(async () => {
    while (!over.signal.aborted) await sweepCopies(layout);
  });
  const making = [1, 2, 3].map(async () => {
    for (let round = 0; round < 300; round += 1) {
      const { paths, lock } = await newCopy(layout);
      expect(existsSync(homeOf(paths))).toBe(true);
      await rm(homeOf(paths), { recursive: true });
      lock.release();
    }
  });
  await Promise.all(making).finally(() => over.abort());
  await Promise.all(sweeping);
  expect(await readdir(layout.throwaways)).toEqual([]);
});
