/** What a guest's kernel believes of a share, and how the agent makes it ask: with this machine's own kernel. */
import { expect, test } from "bun:test";
import { readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { lookAgain } from "../../../../src/agent/changes/look-again.ts";
import { canMount, inFuseMount } from "../../../support/fuse-mount.ts";

/** Longer than a test takes. */
const flags = ["--lifetime-ms=600000"];

test.skipIf(!canMount)(
  "what the host edits, replaces or takes away is seen at once when a name is looked at again",
  async () => {
    await inFuseMount(
      async ({ at, folder }) => {
        const names = ["edited", "replaced", "gone"];
        for (const name of names) await writeFile(join(folder, name), "old");
        const seen = async () =>
          await Promise.all(
            names.map(
              async (name) =>
                await stat(join(at, name)).then(
                  ({ size }) => size,
                  () => "gone",
                ),
            ),
          );
        expect(await seen()).toEqual([3, 3, 3]);
        await writeFile(join(folder, "edited"), "edited");
        await writeFile(join(folder, "next"), "replaced");
        await rename(join(folder, "next"), join(folder, "replaced"));
        await rm(join(folder, "gone"));
        // It believes what it knows, or the test would show nothing.
        expect(await seen()).toEqual([3, 3, 3]);
        for (const name of [...names, "never-there"]) await lookAgain(join(at, name));
        expect(await seen()).toEqual([6, 8, "gone"]);
        expect(await readFile(join(at, "edited"), "utf8")).toBe("edited");
        expect((await readdir(folder)).toSorted()).toEqual(["edited", "replaced"]);
      },
      { flags },
    );
  },
);
