/** Which changes are the guest's own in mounts of virtiofs, which the kernel tells apart by no number: with its own FUSE. */
import { expect, test } from "bun:test";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { EchoSuppression } from "../../../../src/agent/changes/echo-suppression.ts";
import { succeed } from "../../../../scripts/support/succeed.ts";
import { canMount, inFuseMount } from "../../../support/fuse-mount.ts";

test.skipIf(!canMount)("what the guest does in two mounts of virtiofs is its own, and the host's is not", async () => {
  await inFuseMount(async (first) => {
    await inFuseMount(async (second) => {
      const own = new EchoSuppression({ mark: join(first.place, "mark"), onFolder: () => {} });
      const judge = async (path: string) => {
        const before = own.changesOf(path);
        const stats = await stat(path);
        await own.settled();
        return own.judge(path, stats, before);
      };
      try {
        for (const { at } of [first, second]) await own.watch(at, { path: at, stats: await stat(at) });
        for (const { at } of [first, second])
          await succeed(["sh", "-c", 'cd "$0"; echo 1 >a; echo 2 >>a; mkdir b', at]);
        const entries = [first, second].flatMap(({ at }) => ["a", "b"].map((name) => join(at, name)));
        expect(await Promise.all(entries.map(judge))).toEqual(entries.map(() => "own"));
        await Bun.write(join(second.folder, "a"), "edited by the host");
        expect([await judge(join(second.at, "a")), await judge(join(first.at, "a"))]).toEqual(["other", "own"]);
      } finally {
        own.close();
      }
    });
  });
});
