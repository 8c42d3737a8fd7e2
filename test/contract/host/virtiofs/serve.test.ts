/** The server of a mount as its own processes, and a guest that is correct, hostile, or loses its server. */
import { expect, test } from "bun:test";
import { mkdir, readdir, readFile, rename, rm, stat, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { newFolder } from "../../../support/folder.ts";
import { long, named, VhostGuest, words } from "../../../support/vhost-guest.ts";

const op = {
  lookup: 1,
  getattr: 3,
  setattr: 4,
  readlink: 5,
  mknod: 8,
  mkdir: 9,
  unlink: 10,
  rename: 12,
  open: 14,
  read: 15,
  write: 16,
  release: 18,
  opendir: 27,
  readdir: 28,
  create: 35,
  link: 13,
};
const root = 1n;

type Scene = { readonly guest: VhostGuest; readonly folder: string; readonly aside: string };

async function inShare(use: (scene: Scene) => Promise<void>, flags: readonly string[] = []): Promise<void> {
  await using place = await newFolder();
  const folder = join(place.path, "share");
  await mkdir(folder);
  await using guest = await VhostGuest.start(folder, join(place.path, "s.sock"), flags);
  await use({ guest, folder, aside: place.path });
}

async function lookup(guest: VhostGuest, name: string, parent = root): Promise<bigint> {
  const { error, body } = await guest.ask(op.lookup, parent, named(name));
  if (error !== 0) throw new Error(`LOOKUP ${name}: ${error}`);
  return body.readBigUInt64LE(0);
}

/** A new file, opened to read and write: its node and its handle. */
async function create(guest: VhostGuest, name: string): Promise<readonly [bigint, bigint]> {
  const { error, body } = await guest.ask(op.create, root, Buffer.concat([words(2, 0o644, 0, 0), named(name)]));
  if (error !== 0) throw new Error(`CREATE ${name}: ${error}`);
  return [body.readBigUInt64LE(0), body.readBigUInt64LE(128)];
}

const writing = (handle: bigint, at: number, text: string): Buffer =>
  Buffer.concat([long(handle), long(at), words(text.length, 0), long(0n), words(0, 0), Buffer.from(text)]);
const reading = (handle: bigint, size: number): Buffer =>
  Buffer.concat([long(handle), long(0n), words(size, 0), long(0n), words(0, 0)]);

async function readAll(guest: VhostGuest, node: bigint, handle: bigint): Promise<string> {
  const { error, body } = await guest.ask(op.read, node, reading(handle, 4096));
  return error === 0 ? body.toString() : `${error}`;
}

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

test("nothing outside of a mount is reached by names and links", async () => {
  await inShare(async ({ guest, folder, aside }) => {
    await writeFile(join(aside, "secret"), "secret");
    await symlink("../secret", join(folder, "link"));
    await symlink("..", join(folder, "up"));
    for (const name of ["..", ".", "../secret", "/etc/passwd", "", "a/../../secret"])
      expect([name, (await guest.ask(op.lookup, root, named(name))).error]).toEqual([name, -22]);
    const link = await lookup(guest, "link");
    expect((await guest.ask(op.readlink, link, Buffer.alloc(0))).body.toString()).toBe("../secret");
    // A link is a link: nothing opens it, and nothing lies in it.
    expect((await guest.ask(op.open, link, words(0, 0))).error).toBe(-22);
    const up = await lookup(guest, "up");
    expect((await guest.ask(op.lookup, up, named("secret"))).error).toBe(-20);
    expect((await guest.ask(op.opendir, up, words(0, 0))).error).toBe(-20);
  });
});

test("a folder that the host turns into a link meanwhile leads nowhere", async () => {
  await inShare(async ({ guest, folder, aside }) => {
    await mkdir(join(aside, "outside"));
    await writeFile(join(aside, "outside/secret"), "secret");
    await mkdir(join(folder, "folder"));
    await writeFile(join(folder, "folder/secret"), "public");
    const inside = await lookup(guest, "folder");
    const file = await lookup(guest, "secret", inside);
    process.kill(await guest.worker(), "SIGKILL");
    await rm(join(folder, "folder"), { recursive: true });
    await symlink("../outside", join(folder, "folder"));
    expect((await guest.ask(op.lookup, inside, named("secret"))).error).toBe(-116);
    expect((await guest.ask(op.open, file, words(0, 0))).error).toBe(-116);
  });
});

test("devices are nothing that a guest makes, and FIFOs nothing that it lets the server open", async () => {
  await inShare(async ({ guest, folder }) => {
    const mknod = (mode: number, device: number, name: string) =>
      guest.ask(op.mknod, root, Buffer.concat([words(mode, device, 0, 0), named(name)]));
    expect((await mknod(0o060600, 0x800, "disk")).error).toBe(-1);
    expect((await mknod(0o020600, 0x103, "null")).error).toBe(-1);
    expect((await mknod(0o010600, 0, "fifo")).error).toBe(0);
    expect((await guest.ask(op.open, await lookup(guest, "fifo"), words(0, 0))).error).toBe(-22);
    expect((await guest.ask(op.create, root, Buffer.concat([words(2, 0o644, 0, 0), named("fifo")]))).error).toBe(-22);
    expect(await readdir(folder)).toEqual(["fifo"]);
  });
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
    ["--read-only"],
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

test.each<[string, (guest: VhostGuest) => void]>([
  [
    "a chain that never ends",
    (guest) => {
      guest.descriptor(120, 65_536, 16, 1, 120);
      guest.offer(120);
    },
  ],
  [
    "memory that is nobody's",
    (guest) => {
      guest.descriptor(120, 2 ** 52, 16, 0, 0);
      guest.offer(120);
    },
  ],
  ["a head outside the ring", (guest) => guest.offer(5000)],
  [
    "a table of gigabytes",
    (guest) => {
      guest.descriptor(120, 65_536, 0x7ffffff0, 4, 0);
      guest.offer(120);
    },
  ],
  [
    "more requests than room",
    (guest) => {
      guest.mapped.view.setUint16(4096 + 2, 9999, true);
      guest.kick();
    },
  ],
])("a guest that makes %s breaks its own ring and not the server", async (_, act) => {
  await inShare(async ({ guest }) => {
    const worker = await guest.worker();
    act(guest);
    for await (const text of guest.holder.stderr) if (Buffer.from(text).includes("has broken a ring")) break;
    expect(await guest.worker()).toBe(worker);
  });
});

test("requests of noise get an answer each, and the server lives", async () => {
  await inShare(async ({ guest, folder, aside }) => {
    await writeFile(join(aside, "outside"), "as it was");
    const worker = await guest.worker();
    for (let round = 0; round < 3000; round += 1) {
      const body = Buffer.from(crypto.getRandomValues(new Uint8Array(round % 200)));
      // No INIT, and no folder of the host's that is more than this one's.
      const opcode = 1 + ((body[0] ?? 0) % 53);
      if (opcode !== 26) await guest.ask(opcode, BigInt(round % 4), body, 16 + (round % 4000));
    }
    expect(await guest.worker()).toBe(worker);
    expect(await lookup(guest, "x").catch((error: Error) => error.message)).toBe("LOOKUP x: -2");
    expect([(await readdir(aside)).toSorted(), await readFile(join(aside, "outside"), "utf8")]).toEqual([
      ["outside", "share"],
      "as it was",
    ]);
    expect(await readdir(folder)).toBeArray();
  });
}, 60_000);

test("a guest opens no more files than the server may, and the server goes on", async () => {
  await inShare(async ({ guest, folder }) => {
    await writeFile(join(folder, "file"), "x");
    const node = await lookup(guest, "file");
    let opened = 0;
    let error = 0;
    while (error === 0 && opened < 70_000) {
      ({ error } = await guest.ask(op.open, node, words(0, 0)));
      if (error === 0) opened += 1;
    }
    expect(error).toBe(-23);
    const limit = Number(
      /^Max open files +(\d+)/m.exec(await readFile(`/proc/${await guest.worker()}/limits`, "utf8"))?.[1],
    );
    expect(opened).toBeLessThan(limit / 2);
    expect((await guest.ask(op.getattr, root, words(0, 0, 0, 0))).error).toBe(0);
  });
}, 60_000);

test("the server ends when QEMU hangs up, and leaves no socket", async () => {
  await inShare(async ({ guest, aside }) => {
    guest.hangUp();
    expect(await guest.holder.exited).toBe(0);
    expect(await readdir(aside)).toEqual(["share"]);
  });
});
