/** A pull of an image that is there, and is not what it was. */
import { expect, test } from "bun:test";
import { readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ownArch } from "../../../../../src/system/platform.ts";
import { pullScene } from "../../../../support/pull-scene.ts";

test.each(["other bytes", "fewer bytes", "lost its image.json"])(
  "an image that has %s is fetched anew, and not found to be there already",
  async (what) => {
    await using scene = await pullScene();
    const { disk, folder } = await scene.pull();
    const bytes = await readFile(disk);
    bytes[400_000] = (bytes[400_000] ?? 0) ^ 1;
    if (what === "other bytes") await writeFile(disk, bytes);
    else if (what === "fewer bytes") await truncate(disk, 400_000);
    else await rm(join(folder, "image.json"));
    expect([(await scene.pull()).isNew, await scene.version(), (await scene.left()).images]).toEqual([
      true,
      "13.8",
      [`debian-${ownArch()}`],
    ]);
    expect((await scene.pull()).isNew).toBe(false);
  },
);
