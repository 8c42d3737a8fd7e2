/** What a mount of one file shows when the host puts another one in its place: with this machine's own kernel. */
import { expect, test } from "bun:test";
import { readdir, readFile, readlink, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MountedFiles } from "../../../../src/agent/changes/mounted-files.ts";
import { succeed } from "../../../../scripts/support/succeed.ts";
import { canMount, type FuseMount, inFuseMount } from "../../../support/fuse-mount.ts";

/** How many files below `folder` this process has open. */
async function openBelow(folder: string): Promise<number> {
  const links = (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ""));
  return (await Promise.all(links)).filter((path) => path.startsWith(folder)).length;
}

test.skipIf(!canMount)("a file that is mounted by itself stays what it was when the host replaces it", async () => {
  await inFuseMount(async ({ at, folder, place }) => {
    const files = new MountedFiles();
    const target = join(place, "target");
    await writeFile(join(folder, "file"), "old");
    await writeFile(target, "");
    await succeed(["mount", "--bind", join(at, "file"), target]);
    try {
      // As often as containers start that mount it.
      for (let start = 0; start < 3; start += 1) await files.keep("file", join(at, "file"));
      expect(await openBelow(at)).toBe(1);
      await writeFile(join(folder, "next"), "new");
      await rename(join(folder, "next"), join(folder, "file"));
      expect(await readFile(join(at, "file"), "utf8")).toBe("new");
      expect(await readFile(target, "utf8")).toBe("old");
      await files.keepOnly(["file"]);
      expect(await openBelow(at)).toBe(1);
      await files.keepOnly([]);
      expect(await openBelow(at)).toBe(0);
    } finally {
      await succeed(["umount", target]);
    }
  });
});

/** What the host puts at the path of a mounted file, one after the other, each told as the agent hears of it. */
async function replaceBy(texts: readonly string[], { at, folder }: FuseMount, files: MountedFiles): Promise<void> {
  for (const text of texts) {
    await writeFile(join(folder, "next"), text);
    await rename(join(folder, "next"), join(folder, "file"));
    await files.note("file", join(at, "file"));
  }
}

test.skipIf(!canMount)(
  "so does one that Docker mounts by itself, when the host replaces it before that is told",
  async () => {
    await inFuseMount(async (mount) => {
      const { at, folder, place } = mount;
      const [file, target] = [join(at, "file"), join(place, "target")];
      const files = new MountedFiles();
      await writeFile(join(folder, "file"), "first");
      await writeFile(target, "");
      await files.note("file", file);
      expect(await openBelow(at)).toBe(0);
      await files.keep("file", file);
      await replaceBy(["mounted"], mount, files);
      await succeed(["mount", "--bind", file, target]);
      try {
        await replaceBy(["later"], mount, files);
        await files.keep("file", file);
        await replaceBy(["1", "2", "3", "4", "5", "6"], mount, files);
        expect(await readFile(target, "utf8")).toBe("mounted");
        // Three that may be mounted, and the newest four of the others.
        expect(await openBelow(at)).toBe(7);
      } finally {
        await succeed(["umount", target]);
      }
      await files.keepOnly([]);
      expect(await openBelow(at)).toBe(0);
    });
  },
);
