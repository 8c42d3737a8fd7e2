/**
 * The server of a mount as on a Mac, over a stand-in for macOS' calls and pipes in the place of eventfds: what it
 * answers is what Linux' own answers, but for what a Mac has not. Nothing here shows what a Mac does.
 */
import { expect, test } from "bun:test";
import { mkdir, readdir, readFile, rename, stat, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { create, inShare, lookup, op, readAll, root, writing } from "../../../support/fuse-calls.ts";
import { errorOf, listed, onBoth } from "../../../support/mac-scenes.ts";
import { long, named, words } from "../../../support/vhost-guest.ts";

test("on a Mac files are made, written, read, cut off and removed as on Linux", async () => {
  await onBoth(async ({ guest, folder }) => {
    const [node, handle] = await create(guest, "file");
    await guest.ask(op.write, node, writing(handle, 0, "0123456789"));
    const size = Buffer.concat([words(8 | 64, 0), long(handle), long(4n), Buffer.alloc(64)]);
    const cut = await errorOf(guest, op.setattr, node, size);
    // By no handle, so that the file has to be opened anew by where it is.
    const again = Buffer.concat([words(8, 0), long(0n), long(2n), Buffer.alloc(64)]);
    const reopened = await errorOf(guest, op.setattr, node, again);
    const text = await readAll(guest, node, handle);
    const synced = await errorOf(guest, op.fsync, node, Buffer.concat([long(handle), words(0, 0)]));
    const all = await errorOf(guest, op.syncfs, root, Buffer.alloc(8));
    const there = await errorOf(guest, op.create, root, Buffer.concat([words(0o200, 0o644, 0, 0), named("file")]));
    const gone = await errorOf(guest, op.unlink, root, named("file"));
    const still = await readAll(guest, node, handle);
    return [cut, reopened, text, synced, all, there, gone, still, await readdir(folder)];
  });
});

test("on a Mac appends of two handles follow each other", async () => {
  await inShare(
    async ({ guest, folder }) => {
      await writeFile(join(folder, "log"), "");
      const node = await lookup(guest, "log");
      const open = async () => (await guest.ask(op.open, node, words(1 | 0o2000, 0))).body.readBigUInt64LE(0);
      const [one, other] = [await open(), await open()];
      for (const [handle, text] of [
        [one, "a"],
        [other, "b"],
        [one, "c"],
      ] as const)
        await guest.ask(op.write, node, writing(handle, 0, text));
      expect(await readFile(join(folder, "log"), "utf8")).toBe("abc");
    },
    { isMac: true },
  );
});

test("on a Mac a name takes another's place, or does not, or both change", async () => {
  await onBoth(async ({ guest, folder }) => {
    await writeFile(join(folder, "one"), "1");
    await writeFile(join(folder, "other"), "2");
    await lookup(guest, "one");
    const moving = (flags: number) =>
      errorOf(guest, op.rename2, root, Buffer.concat([long(1n), words(flags, 0), named("one"), named("other")]));
    const texts = () =>
      Promise.all(["one", "other"].map((name) => readFile(join(folder, name), "utf8").catch(() => "")));
    const results = [await moving(1), await texts(), await moving(2), await texts(), await moving(0), await texts()];
    return results;
  });
});

test("on a Mac a hard link is of the very file, of a symbolic link too", async () => {
  await onBoth(async ({ guest, folder }) => {
    await writeFile(join(folder, "file"), "text");
    await symlink("file", join(folder, "link"));
    const [file, link] = [await lookup(guest, "file"), await lookup(guest, "link")];
    const linked = [
      await errorOf(guest, op.link, root, Buffer.concat([long(file), named("file-2")])),
      await errorOf(guest, op.link, root, Buffer.concat([long(link), named("link-2")])),
    ];
    return [linked, (await stat(join(folder, "file-2"))).nlink, await readdir(folder)];
  });
});

test("on a Mac a file that has lost its place to another one is never taken for it", async () => {
  await onBoth(async ({ guest, folder }) => {
    await writeFile(join(folder, "file"), "old");
    const node = await lookup(guest, "file");
    await rename(join(folder, "file"), join(folder, "aside"));
    await writeFile(join(folder, "file"), "new");
    const emptied = await errorOf(guest, op.open, node, words(1 | 0o1000, 0));
    return [emptied, await readFile(join(folder, "file"), "utf8"), await readFile(join(folder, "aside"), "utf8")];
  });
});

test("on a Mac a path where another file is by now is not taken for the one that was there", async () => {
  await inShare(
    async ({ guest, folder }) => {
      await writeFile(join(folder, "file.moved"), "meant");
      await writeFile(join(folder, "file"), "another");
      const node = await lookup(guest, "file.moved");
      expect(await errorOf(guest, op.open, node, words(1 | 0o1000, 0))).toBe(-116);
      expect(await errorOf(guest, op.link, root, Buffer.concat([long(node), named("link")]))).toBe(-116);
      expect(await readdir(folder)).toEqual(["file", "file.moved"]);
      expect(await readFile(join(folder, "file"), "utf8")).toBe("another");
    },
    { isMac: true },
  );
});

test("on a Mac who goes back to the beginning of a folder sees what has come since", async () => {
  await onBoth(async ({ guest, folder }) => {
    const { body } = await guest.ask(op.opendir, root, words(0, 0));
    const handle = body.readBigUInt64LE(0);
    const read = Buffer.concat([long(handle), long(0n), words(4096, 0), long(0n), words(0, 0)]);
    const first = await guest.ask(op.readdir, root, read);
    await writeFile(join(folder, "new"), "");
    const second = await guest.ask(op.readdir, root, read);
    return [first, second].map((answer) => [answer.body.length, answer.body.includes("new")]);
  });
});

test("on a Mac a folder is listed whole, however small the pieces", async () => {
  await onBoth(async ({ guest, folder }) => {
    const names = Array.from({ length: 900 }, (_, index) => `entry-${"x".repeat(index % 50)}-${index}`);
    await Promise.all(names.map((name) => writeFile(join(folder, name), "")));
    await mkdir(join(folder, "below"));
    const few = await listed(guest, root, 1024);
    await unlink(join(folder, names[0] ?? ""));
    return [few.length, few, await listed(guest, root, 4096), await listed(guest, root, 8000, op.readdirplus)];
  });
});

test("on a Mac a server that is killed is followed by one that knows all, and calls that nobody hears stop nobody", async () => {
  await inShare(
    async ({ guest, folder }) => {
      const [node, handle] = await create(guest, "kept");
      await guest.ask(op.write, node, writing(handle, 0, "kept"));
      await writeFile(join(folder, "next"), "another");
      await rename(join(folder, "next"), join(folder, "kept"));
      // Each answer rings the pipe with 8 bytes, and nobody empties it: it holds 4 KiB.
      for (let count = 0; count < 600; count += 1) await guest.ask(op.getattr, node, Buffer.alloc(16));
      const before = await guest.worker();
      process.kill(before, "SIGKILL");
      expect(await readAll(guest, node, handle)).toBe("kept");
      expect(await guest.worker()).not.toBe(before);
      // Kicks that were not taken one by one are taken at once.
      for (let count = 0; count < 200; count += 1) guest.kick();
      expect(await readAll(guest, node, handle)).toBe("kept");
    },
    { isMac: true },
  );
});
