/** The state of files as their file system has it, asked of a kernel that has io_uring for this user. */
import { expect, test } from "bun:test";
import { mkdir, readdir, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { FreshStates } from "../../../../src/system/kernel/fresh-state.ts";
import { newFolder } from "../../../support/folder.ts";
import { canMount, inFuseMount } from "../../../support/fuse-mount.ts";

function isThere(): boolean {
  try {
    new FreshStates().close();
    return true;
  } catch {
    return false;
  }
}

const kernelTest = test.skipIf(!isThere());

kernelTest("of many that are asked for at once each has its own state, and what cannot be seen has none", async () => {
  await using place = await newFolder();
  const states = new FreshStates();
  const names = Array.from({ length: 200 }, (_, index) => join(place.path, `${index}`));
  for (const [index, name] of names.entries()) await Bun.write(name, "x".repeat(index));
  await mkdir(join(place.path, "folder"));
  await symlink("199", join(place.path, "link"));
  const expected = await Promise.all(
    [...names, join(place.path, "folder")].map(async (path) => {
      const { ino, size, mtimeNs } = await stat(path, { bigint: true });
      return { inode: ino, size, modifiedNs: mtimeNs, isFolder: path.endsWith("folder") };
    }),
  );
  expect(await Promise.all([...names, join(place.path, "folder")].map((path) => states.of(path)))).toEqual(expected);
  const [link, followed] = [states.of(join(place.path, "link")), states.of(join(place.path, "link"), true)];
  expect([(await link)?.size, (await followed)?.size]).toEqual([3n, 199n]);
  const unseen = [join(place.path, "nothing"), `/${"x".repeat(5000)}`];
  expect(await Promise.all(unseen.map((path) => states.of(path)))).toEqual([undefined, undefined]);
  states.close();
  expect(await states.of(place.path)).toBeUndefined();
});

test.skipIf(!isThere() || !canMount)(
  "a file system that does not answer keeps nobody else waiting, unless all wait for it: then nothing is known",
  async () => {
    await inFuseMount(async ({ folder, at, place, pid }) => {
      await Bun.write(join(folder, "slow"), "slow");
      await Bun.write(join(place, "quick"), "quick");
      const states = new FreshStates(200);
      const ask = async (path: string, times: number): Promise<(bigint | undefined)[]> =>
        await Promise.all(Array.from({ length: times }, async () => (await states.of(path))?.size));
      process.kill(pid, "SIGSTOP");
      try {
        const first = ask(join(at, "slow"), 20);
        expect(await ask(join(place, "quick"), 100)).toEqual(Array(100).fill(5n));
        const rest = ask(join(at, "slow"), 12);
        expect(await ask(join(place, "quick"), 2)).toEqual([undefined, undefined]);
        process.kill(pid, "SIGCONT");
        expect(await Promise.all([first, rest])).toEqual([Array(20).fill(4n), Array(12).fill(4n)]);
        expect(await ask(join(place, "quick"), 40)).toEqual(Array(40).fill(5n));
      } finally {
        process.kill(pid, "SIGCONT");
        states.close();
      }
    });
  },
);

kernelTest("who asks no more keeps nothing open, also with a question under way", async () => {
  const before = (await readdir("/proc/self/fd")).length;
  for (let round = 0; round < 50; round += 1) {
    const states = new FreshStates();
    const asked = states.of("/");
    states.close();
    expect((await asked)?.isFolder).toBe(true);
  }
  expect((await readdir("/proc/self/fd")).length).toBeLessThan(before + 25);
});
