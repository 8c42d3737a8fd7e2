/** The host's /tmp, mounted aside once by virtiofs of which nothing is believed: with this machine's own FUSE. */
import { expect, test } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mirrorSources, sweepDeleted } from "../../../../../src/agent/files/tmp/mirror.ts";
import { succeed } from "../../../../../scripts/support/succeed.ts";
import { unmount } from "../../../../../src/system/kernel/libc.ts";
import { mountTable } from "../../../../../src/system/mount-table.ts";
import { canMount, inFuseMount } from "../../../../support/fuse-mount.ts";

/** The host's folder, the guest's that shows its entries, and a container's mount of one of them. */
type Scene = {
  readonly folder: string;
  readonly guest: string;
  readonly mirror: (name: string, createMissing?: boolean) => Promise<void>;
  /** Has a container mount an entry, which holds what it is now. */
  readonly contain: (name: string) => Promise<string>;
  readonly sweep: () => Promise<void>;
};

async function inScene(use: (scene: Scene) => Promise<void>): Promise<void> {
  await inFuseMount(async ({ at, folder, place }) => {
    const guest = join(place, "guest");
    await mkdir(guest);
    const mirror = { asides: [at], folder: guest };
    let containers = 0;
    try {
      await use({
        folder,
        guest,
        mirror: (name, createMissing = false) => mirrorSources(mirror, [{ path: join(guest, name), createMissing }]),
        async contain(name) {
          const target = join(place, `container${(containers += 1)}`);
          if ((await stat(join(guest, name))).isDirectory()) await mkdir(target);
          else await writeFile(target, "");
          await succeed(["mount", "--bind", join(guest, name), target]);
          return target;
        },
        sweep: () => sweepDeleted(mirror),
      });
    } finally {
      const ours = mountTable().filter(({ target }) => target.startsWith(`${place}/`) && target !== at);
      for (const { target } of ours.toReversed()) unmount(target);
    }
  });
}

test.skipIf(!canMount)(
  "an entry that a container holds is shown as what the host has made of it, whatever its kind",
  async () => {
    await inScene(async ({ folder, guest, mirror, contain }) => {
      const [host, shown] = [join(folder, "a"), join(guest, "a")];
      await mkdir(host);
      await writeFile(join(host, "f"), "in a folder");
      await mirror("a/f");
      const container = await contain("a");
      const held = openSync(join(container, "f"), "r");
      for (const round of [1, 2, 3]) {
        await rm(host, { recursive: true });
        await writeFile(host, `a file ${round}`);
        await mirror("a");
        expect(await readFile(shown, "utf8")).toBe(`a file ${round}`);
        await contain("a");
        await writeFile(join(folder, "next"), `another ${round}`);
        await rename(join(folder, "next"), host);
        await mirror("a");
        expect(await readFile(shown, "utf8")).toBe(`another ${round}`);
        await rm(host);
        await mkdir(host);
        await writeFile(join(host, `${round}`), "");
        await mirror("a");
        expect(await readdir(shown)).toEqual([`${round}`]);
        await contain("a");
      }
      closeSync(held);
    });
  },
);

test.skipIf(!canMount)(
  "what the host has just made is there, what it has deleted goes, and -v makes what is missing",
  async () => {
    await inScene(async ({ folder, guest, mirror, sweep }) => {
      const names = Array.from({ length: 50 }, (_, index) => `${index}`);
      for (const name of names) {
        // That it was not there must not be believed.
        await mirror(name);
        await writeFile(join(folder, name), name);
        await mirror(name);
        expect(await readFile(join(guest, name), "utf8")).toBe(name);
      }
      for (const name of names.slice(5)) await rm(join(folder, name));
      await sweep();
      expect((await readdir(guest)).toSorted()).toEqual(["0", "1", "2", "3", "4"]);
      await mirror("new/deep", true);
      await writeFile(join(guest, "new/deep/file"), "made in the guest");
      expect(await readFile(join(folder, "new/deep/file"), "utf8")).toBe("made in the guest");
    });
  },
);
