/** The server of a mount as its own processes, to a guest that is correct, and whose server is killed. */
import { expect, test } from "bun:test";
import { readdir, readFile, readlink, rename, rm, stat, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isThere } from "../../../../src/system/files.ts";
import { connect, listen } from "../../../../src/system/net/connection.ts";
import { newFolder } from "../../../support/folder.ts";
import { qnIn } from "../../../support/other-user.ts";
import { repository } from "../../../support/program.ts";
import { until } from "../../../support/until.ts";
import { create, inShare, lookup, op, readAll, root, type Scene, writing } from "../../../support/fuse-calls.ts";
import { long, named, words } from "../../../support/vhost-guest.ts";

test("an open file stays the same file when the host replaces its name", async () => {
  await inShare(async ({ guest, folder }) => {
    const [node, handle] = await create(guest, "file");
    await guest.ask(op.write, node, writing(handle, 0, "old"));
    await writeFile(join(folder, "next"), "saved by an editor");
    await rename(join(folder, "next"), join(folder, "file"));
    expect(await readAll(guest, node, handle)).toBe("old");
    // SETATTR of the size through the old handle, which 9p would do to the new file.
    const truncate = Buffer.concat([words(8 | 64, 0), long(handle), long(0n), Buffer.alloc(64)]);
    expect((await guest.ask(op.setattr, node, truncate)).error).toBe(0);
    expect(await readFile(join(folder, "file"), "utf8")).toBe("saved by an editor");
    expect(await lookup(guest, "file")).not.toBe(node);
  });
});

test("a file that the guest knows and does not have open is no other file when the host replaces it", async () => {
  await inShare(async ({ guest, folder }) => {
    await writeFile(join(folder, "file"), "old");
    // More folders than one, so that the file's own descriptor is what the server has to look for.
    const node = await lookup(guest, "file");
    const worker = await guest.worker();
    process.kill(worker, "SIGKILL");
    await unlink(join(folder, "file"));
    await writeFile(join(folder, "file"), "new");
    expect((await guest.ask(op.open, node, words(1 | 0o1000, 0))).error).toBe(-116);
    expect(await readFile(join(folder, "file"), "utf8")).toBe("new");
  });
});

test("who gives away a file that the host has replaced learns that it has no name, and the new one is not touched", async () => {
  await inShare(async ({ guest, folder }) => {
    await writeFile(join(folder, "file"), "old");
    const node = await lookup(guest, "file");
    await rename(join(folder, "file"), join(folder, "old"));
    await writeFile(join(folder, "file"), "new");
    const { uid, mode } = await stat(join(folder, "file"));
    const changing = (valid: number) =>
      guest.ask(op.setattr, node, Buffer.concat([words(valid, 0), Buffer.alloc(60), words(0o777, 0, 1234, 1234, 0)]));
    const { error, body } = await changing(2 | 4);
    // Of struct fuse_attr: the type, the number of links, and the owner.
    expect([error, body.readUInt32LE(76) >>> 12, body.readUInt32LE(80), body.readUInt32LE(84)]).toEqual([
      0, 8, 0, 1234,
    ]);
    // All else is an error, upon which Linux looks the name up again.
    for (const valid of [1, 2, 2 | 4 | 8, 2 | 4 | 32]) expect((await changing(valid)).error).toBe(-116);
    expect(await stat(join(folder, "file"))).toMatchObject({ uid, mode });
    expect(await stat(join(folder, "old"))).toMatchObject({ uid, mode });
  });
});

test.each([
  [0, 0n, 0],
  [100, 0n, 100_000_000],
  [1000, 1n, 0],
])("a guest is told how long it may believe what it knows: %d ms", async (ms, seconds, nanoseconds) => {
  await inShare(
    async ({ guest, folder }) => {
      await writeFile(join(folder, "file"), "x");
      const { body } = await guest.ask(op.lookup, root, named("file"));
      expect([body.readBigUInt64LE(16), body.readBigUInt64LE(24)]).toEqual([seconds, seconds]);
      expect([body.readUInt32LE(32), body.readUInt32LE(36)]).toEqual([nanoseconds, nanoseconds]);
    },
    { flags: [`--lifetime-ms=${ms}`] },
  );
});

test("who may only read changes nothing", async () => {
  await inShare(
    async ({ guest, folder }) => {
      await writeFile(join(folder, "file"), "kept", { mode: 0o644 });
      const node = await lookup(guest, "file");
      const mode = Buffer.concat([words(1, 0), Buffer.alloc(60), words(0o777), Buffer.alloc(16)]);
      const asks: readonly (readonly [number, bigint, Buffer])[] = [
        [op.open, node, words(1, 0)],
        [op.open, node, words(0o1000, 0)],
        [op.setattr, node, mode],
        [op.unlink, root, named("file")],
        [op.mkdir, root, Buffer.concat([words(0o755, 0), named("new")])],
        [op.mknod, root, Buffer.concat([words(0o100644, 0, 0, 0), named("new")])],
        [op.create, root, Buffer.concat([words(2, 0o644, 0, 0), named("new")])],
        [op.rename, root, Buffer.concat([long(1n), named("file"), named("other")])],
        [op.link, root, Buffer.concat([long(node), named("other")])],
        [6, root, Buffer.concat([named("link"), named("file")])],
        [21, node, Buffer.concat([words(1, 0), named("user.x"), Buffer.from("1")])],
        [24, node, named("user.x")],
      ];
      for (const [opcode, on, body] of asks)
        expect([opcode, (await guest.ask(opcode, on, body)).error]).toEqual([opcode, -30]);
      expect([await readdir(folder), await readFile(join(folder, "file"), "utf8")]).toEqual([["file"], "kept"]);
      expect((await stat(join(folder, "file"))).mode & 0o777).toBe(0o644);
    },
    { flags: ["--read-only"] },
  );
});

test("a server that is killed is followed by one that knows the guest's files, open and unlinked ones too", async () => {
  await inShare(async ({ guest, folder }) => {
    const [node, handle] = await create(guest, "kept");
    const [gone, goneHandle] = await create(guest, "gone");
    await guest.ask(op.write, node, writing(handle, 0, "kept"));
    await guest.ask(op.write, gone, writing(goneHandle, 0, "unlinked"));
    expect((await guest.ask(op.unlink, root, named("gone"))).error).toBe(0);
    const before = await guest.worker();
    process.kill(before, "SIGKILL");
    expect(await readAll(guest, node, handle)).toBe("kept");
    expect(await readAll(guest, gone, goneHandle)).toBe("unlinked");
    expect(await guest.worker()).not.toBe(before);
    expect(await readdir(folder)).toEqual(["kept"]);
    expect((await guest.ask(op.release, gone, Buffer.concat([long(goneHandle), words(0, 0), long(0n)]))).error).toBe(0);
    expect(await readAll(guest, gone, goneHandle)).toBe("-9");
  });
});

test("an open file that the host has replaced stays the same one when the server is killed", async () => {
  await inShare(async ({ guest, folder }) => {
    const [node, handle] = await create(guest, "file");
    await guest.ask(op.write, node, writing(handle, 0, "old"));
    await writeFile(join(folder, "next"), "saved by an editor");
    await rename(join(folder, "next"), join(folder, "file"));
    for (const text of ["two", "six"]) {
      process.kill(await guest.worker(), "SIGKILL");
      expect((await guest.ask(op.write, node, writing(handle, 0, text))).error).toBe(0);
      expect(await readAll(guest, node, handle)).toBe(text);
    }
    expect(await readFile(join(folder, "file"), "utf8")).toBe("saved by an editor");
  });
});

test("files that the guest has closed are kept by nobody, whoever was killed meanwhile", async () => {
  await inShare(async ({ guest, folder }) => {
    const opened: (readonly [bigint, bigint])[] = [];
    for (let index = 0; index < 100; index += 1) opened.push(await create(guest, `${index}`));
    const [last, ...closed] = opened.toReversed();
    for (const [node, handle] of closed)
      await guest.ask(op.release, node, Buffer.concat([long(handle), words(0, 0), long(0n)]));
    process.kill(await guest.worker(), "SIGKILL");
    await guest.ask(op.write, last?.[0] ?? 0n, writing(last?.[1] ?? 0n, 0, "last"));
    const { pid } = guest.holder;
    const links = (await readdir(`/proc/${pid}/fd`)).map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => ""));
    expect((await Promise.all(links)).filter((path) => path.startsWith(`${folder}/`))).toEqual([join(folder, "99")]);
  });
});

test("a file that was made empty is not emptied again when its server is killed while it is written", async () => {
  await inShare(async ({ guest, folder }) => {
    const flags = 2 | 0o1000 | 0o2000;
    const made = await guest.ask(op.create, root, Buffer.concat([words(flags, 0o644, 0, 0), named("log")]));
    const [node, handle] = [made.body.readBigUInt64LE(0), made.body.readBigUInt64LE(128)];
    await guest.ask(op.write, node, writing(handle, 0, "one"));
    process.kill(await guest.worker(), "SIGKILL");
    await guest.ask(op.write, node, writing(handle, 0, "two"));
    // Opened to append, as a shell's >> does: the place that the guest names does not count.
    expect(await readFile(join(folder, "log"), "utf8")).toBe("onetwo");
  });
});

test("of requests that were under way when their server was killed none is lost, and none is done wrongly", async () => {
  await inShare(async ({ guest, folder }) => {
    const errors: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      const slots = Array.from({ length: 50 }, (_, index) =>
        guest.submit(op.mkdir, root, Buffer.concat([words(0o755, 0), named(`${round}-${index}`)])),
      );
      process.kill(await guest.worker(), "SIGKILL");
      for (const slot of slots) errors.push((await guest.answerTo(slot)).error);
    }
    expect(errors.filter((error) => error !== 0)).toEqual([]);
    expect((await readdir(folder)).length).toBe(300);
  });
}, 60_000);

test("a server whose words nobody hears, as while no supervisor lives, goes on", async () => {
  await inShare(async ({ guest, folder }) => {
    await guest.holder.stderr.cancel();
    await guest.holder.stdin.end();
    // Each death is a word of the holder's.
    for (const name of ["first", "second", "third"]) {
      process.kill(await guest.worker(), "SIGKILL");
      expect((await guest.ask(op.mkdir, root, Buffer.concat([words(0o755, 0), named(name)]))).error).toBe(0);
    }
    expect((await readdir(folder)).toSorted()).toEqual(["first", "second", "third"]);
    expect(guest.holder.exitCode).toBeNull();
  });
});

test("a server whose QEMU comes late leaves the socket of the server that follows it", async () => {
  await using home = await newFolder();
  const [socket, before] = [join(home.path, "qn0.sock"), join(home.path, "before.sock")];
  const command = [...qnIn(repository), "virtiofs", `--folder=${home.path}`, `--socket=${socket}`];
  await using server = Bun.spawn(command, { stdio: ["pipe", "ignore", "inherit"] });
  await until("its socket", 20_000, async () => (await isThere(socket)) || undefined);
  await rename(socket, before);
  const next = listen({ unix: socket }, () => {});
  (await connect({ unix: before })).end();
  expect(await server.exited).toBe(0);
  expect(await isThere(socket)).toBe(true);
  next.closeAll();
});

test("the server ends when QEMU hangs up, and leaves no socket", async () => {
  await inShare(async ({ guest, aside }) => {
    guest.hangUp();
    expect(await guest.holder.exited).toBe(0);
    expect(await readdir(aside)).toEqual(["share"]);
  });
});

test("a mount whose workers die before they serve, one after the other, goes on with the first that does not", async () => {
  const share = async ({ guest, folder, aside }: Scene): Promise<void> => {
    await writeFile(join(folder, "file"), "");
    const dies = join(aside, "s.sock.dies");
    await writeFile(dies, "");
    process.kill(await guest.worker(), "SIGKILL");
    const asked = lookup(guest, "file");
    let said = "";
    for await (const more of guest.holder.stderr)
      if ((said += Buffer.from(more).toString()).split("has died").length > 4) break;
    await rm(dies);
    expect(await asked).toBeGreaterThan(root);
  };
  await inShare(share, { mayDie: true });
});
