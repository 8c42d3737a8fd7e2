/** What files are, to the server of a mount as on a Mac (mac.test.ts says what that is). */
import { expect, test } from "bun:test";
import { mkdir, stat, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { create, inShare, lookup, op, plainUser, root, writing } from "../../../support/fuse-calls.ts";
import { attributesOf, errorOf, listed, onBoth } from "../../../support/mac-scenes.ts";
import { long, named, words } from "../../../support/vhost-guest.ts";

const isRoot = process.getuid?.() === 0;

test("on a Mac errors have Linux' numbers", async () => {
  await onBoth(async ({ guest, folder }) => {
    await mkdir(join(folder, "full", "of"), { recursive: true });
    const full = await lookup(guest, "full");
    await symlink("turns", join(folder, "turns"));
    return [
      await errorOf(guest, op.rmdir, root, named("full")),
      await errorOf(guest, op.mkdir, root, Buffer.concat([words(0o755, 0), named("full")])),
      await errorOf(guest, op.lookup, root, named("nobody")),
      await errorOf(guest, op.getxattr, full, Buffer.concat([words(100, 0), named("user.none")])),
      await errorOf(guest, op.getxattr, full, Buffer.concat([words(100, 0), named("security.capability")])),
      await errorOf(guest, op.open, await lookup(guest, "turns"), words(0, 0)),
      await errorOf(guest, op.lookup, root, named("x".repeat(256))),
    ];
  });
});

test("on a Mac links, FIFOs and sockets are told of, and none is opened", async () => {
  await onBoth(async ({ guest, folder }) => {
    await symlink("where/it/leads", join(folder, "link"));
    Bun.spawnSync(["mkfifo", join(folder, "fifo")]);
    using listener = Bun.listen({ unix: join(folder, "socket"), socket: { data: () => {} } });
    const nodes = await Promise.all(["link", "fifo", "socket"].map((name) => lookup(guest, name)));
    const seen = await Promise.all(nodes.map((node) => attributesOf(guest, node)));
    const opened = await Promise.all(nodes.map((node) => errorOf(guest, op.open, node, words(0, 0))));
    const [link = root] = nodes;
    const { body } = await guest.ask(op.readlink, link, Buffer.alloc(0));
    listener.stop();
    return [seen.map(([mode]) => mode), opened, body.toString()];
  });
});

test("on a Mac what comes to a link's name is not the link", async () => {
  await inShare(
    async ({ guest, folder }) => {
      await symlink("where/it/leads", join(folder, "link"));
      const link = await lookup(guest, "link");
      // From here on it is held.
      expect(await errorOf(guest, op.readlink, link, Buffer.alloc(0))).toBe(0);
      await unlink(join(folder, "link"));
      await writeFile(join(folder, "link"), "a file", { mode: 0o644 });
      expect(await errorOf(guest, op.readlink, link, Buffer.alloc(0))).toBe(-116);
      const mode = Buffer.concat([words(1, 0), Buffer.alloc(60), words(0o777), Buffer.alloc(16)]);
      expect(await errorOf(guest, op.setattr, link, mode)).toBe(-116);
      expect((await stat(join(folder, "link"))).mode & 0o777).toBe(0o644);
    },
    { isMac: true },
  );
});

test("on a Mac times are set to the nanosecond, to now, or left", async () => {
  await onBoth(async ({ guest, folder }) => {
    const [node] = await create(guest, "file");
    const setting = (valid: number, accessed: number, modified: number) =>
      Buffer.concat([
        words(valid, 0),
        Buffer.alloc(24),
        long(accessed),
        long(modified),
        Buffer.alloc(8),
        words(7, 9),
        Buffer.alloc(28),
      ]);
    const { body } = await guest.ask(op.setattr, node, setting(16 | 32, 1000, 2000));
    const { mtimeNs, atimeNs } = await stat(join(folder, "file"), { bigint: true });
    await guest.ask(op.setattr, node, setting(16 | 32 | 128, 0, 3000));
    const now = await stat(join(folder, "file"));
    await guest.ask(op.setattr, node, setting(32, 0, 4000));
    const left = await stat(join(folder, "file"));
    const isNow = Math.abs(now.atimeMs - Date.now()) < 600_000;
    return [body.length, mtimeNs, atimeNs, isNow, now.mtimeMs, left.atimeMs === now.atimeMs, left.mtimeMs];
  });
});

test("on a Mac attributes of containers are kept, and no others", async () => {
  await onBoth(async ({ guest }) => {
    const [node] = await create(guest, "file");
    const setting = (name: string, flags: number) =>
      errorOf(guest, op.setxattr, node, Buffer.concat([words(5, flags), named(name), Buffer.from("value")]));
    const results = [await setting("user.one", 2), await setting("user.one", 0), await setting("user.one", 1)];
    const value = await guest.ask(op.getxattr, node, Buffer.concat([words(100, 0), named("user.one")]));
    const length = await guest.ask(op.getxattr, node, Buffer.concat([words(0, 0), named("user.one")]));
    const list = await guest.ask(op.listxattr, node, words(100, 0));
    const own = await errorOf(
      guest,
      op.setxattr,
      node,
      Buffer.concat([words(1, 0), named("user.qn.owner"), Buffer.from("1")]),
    );
    const removed = [1, 2].map(() => errorOf(guest, op.removexattr, node, named("user.one")));
    return [results, value.body.toString(), length.body, list.body.toString(), own, await Promise.all(removed)];
  });
});

test("on a Mac no container sets attributes of another kind", async () => {
  await inShare(
    async ({ guest }) => {
      const [node] = await create(guest, "file");
      const setting = (name: string) =>
        errorOf(guest, op.setxattr, node, Buffer.concat([words(1, 0), named(name), Buffer.from("1")]));
      // What Linux would let root set.
      expect(await Promise.all(["security.x", "trusted.x", "com.apple.x"].map(setting))).toEqual([-95, -95, -95]);
    },
    { isMac: true },
  );
});

test("on a Mac data and holes are found, and how full the disk is", async () => {
  await onBoth(async ({ guest }) => {
    const [node, handle] = await create(guest, "file");
    await guest.ask(op.write, node, writing(handle, 1_048_576, "data"));
    const seeking = async (whence: number) =>
      (await guest.ask(op.lseek, node, Buffer.concat([long(handle), long(0n), words(whence, 0)]))).body;
    const { body } = await guest.ask(op.statfs, root, Buffer.alloc(0));
    return [await seeking(3), await seeking(4), body.readBigUInt64LE(0), body.readUInt32LE(40), body.readUInt32LE(44)];
  });
});

test("on a Mac what it cannot do is refused so that Linux does without", async () => {
  await inShare(
    async ({ guest }) => {
      const [node, handle] = await create(guest, "file");
      const room = Buffer.concat([long(handle), long(0n), long(4096n), words(0, 0)]);
      const copy = Buffer.concat([long(handle), long(0n), long(node), long(handle), long(9n), long(9n), long(0n)]);
      expect(await errorOf(guest, op.fallocate, node, room)).toBe(-95);
      expect(await errorOf(guest, op.copyFileRange, node, copy)).toBe(-38);
      expect(await errorOf(guest, op.tmpfile, root, Buffer.concat([words(2, 0o600, 0, 0), named("x")]))).toBe(-95);
    },
    { isMac: true },
  );
});

test.skipIf(!isRoot)("on a Mac an ordinary user's files have the owners that containers gave them", async () => {
  await onBoth(
    async ({ guest, folder }) => {
      const [node] = await create(guest, "file");
      const owner = Buffer.concat([words(2 | 4, 0), Buffer.alloc(68), words(999, 999), Buffer.alloc(4)]);
      const given = await errorOf(guest, op.setattr, node, owner);
      await writeFile(join(folder, "secret"), "x", { mode: 0 });
      Bun.spawnSync(["chown", "root", join(folder, "secret")]);
      const secret = await lookup(guest, "secret");
      const fifo = await errorOf(guest, op.mknod, root, Buffer.concat([words(0o010644, 0, 0, 0), named("fifo")]));
      return [
        given,
        await attributesOf(guest, node),
        await attributesOf(guest, secret),
        await errorOf(guest, op.open, secret, words(0, 0)),
        fifo,
        await listed(guest, root, 4096),
      ];
    },
    { uid: plainUser },
  );
});
