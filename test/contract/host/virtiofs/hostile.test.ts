/** The server of a mount, to a guest that wants more than its mount, or makes nonsense. */
import { expect, test } from "bun:test";
import { lstat, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inShare, lookup, op, plainUser, readAll, root, writing } from "../../../support/fuse-calls.ts";
import { long, named, words, type VhostGuest } from "../../../support/vhost-guest.ts";

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

const isRoot = process.getuid?.() === 0;
const mknod = (guest: VhostGuest, mode: number, device: number, name: string) =>
  guest.ask(op.mknod, root, Buffer.concat([words(mode, device, 0, 0), named(name)]));

test.skipIf(!isRoot)("devices are nothing that root's server makes, and FIFOs nothing that it opens", async () => {
  await inShare(async ({ guest, folder }) => {
    expect((await mknod(guest, 0o060600, 0x800, "disk")).error).toBe(-1);
    expect((await mknod(guest, 0o020600, 0x103, "null")).error).toBe(-1);
    expect((await mknod(guest, 0o010600, 0, "fifo")).error).toBe(0);
    expect((await guest.ask(op.open, await lookup(guest, "fifo"), words(0, 0))).error).toBe(-22);
    expect((await guest.ask(op.create, root, Buffer.concat([words(2, 0o644, 0, 0), named("fifo")]))).error).toBe(-22);
    expect(await readdir(folder)).toEqual(["fifo"]);
  });
});

test("a user's server makes nothing but files, folders and links, whatever it is asked to make", async () => {
  await inShare(
    async ({ guest, folder }) => {
      for (let type = 0; type < 16; type += 1) {
        const { error } = await mknod(guest, (type << 12) | 0o6777, 0x103, `${type}`);
        expect([type, error]).toEqual([type, [0, 1, 2, 6, 8, 12].includes(type) ? 0 : -1]);
      }
      // As a driver never does: what stands in for a device is opened and written to, and stands in for none then.
      const node = await lookup(guest, "6");
      const { body } = await guest.ask(op.open, node, words(1, 0));
      expect((await guest.ask(op.write, node, writing(body.readBigUInt64LE(0), 0, "x"))).error).toBe(0);
      for (const name of await readdir(folder)) {
        const found = await lstat(join(folder, name));
        expect([name, found.isFile(), (found.mode & 0o7777).toString(8)]).toEqual([name, true, "777"]);
      }
    },
    isRoot ? { uid: plainUser } : {},
  );
});

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

test.each([
  [1024, 256],
  [6000, 2928],
])(
  "a guest opens no more files than a server may that may have %d descriptors, and the server goes on",
  async (openFilesMax, most) => {
    await inShare(
      async ({ guest, folder }) => {
        await writeFile(join(folder, "file"), "x");
        const node = await lookup(guest, "file");
        const handles: bigint[] = [];
        let error = 0;
        while (error === 0 && handles.length < openFilesMax) {
          const answer = await guest.ask(op.open, node, words(0, 0));
          ({ error } = answer);
          if (error === 0) handles.push(answer.body.readBigUInt64LE(0));
        }
        expect([handles.length, error]).toEqual([most, -23]);
        // All of them are the next server's too.
        process.kill(await guest.worker(), "SIGKILL");
        for (const handle of [handles[0] ?? 0n, handles.at(-1) ?? 0n])
          expect(await readAll(guest, node, handle)).toBe("x");
        expect((await guest.ask(op.getattr, root, words(0, 0, 0, 0))).error).toBe(0);
      },
      { openFilesMax },
    );
  },
  60_000,
);

test("a guest knows hundreds of files where the server may have few descriptors", async () => {
  await inShare(
    async ({ guest, folder }) => {
      const names = Array.from({ length: 600 }, (_, index) => `${index}`);
      for (const name of names) {
        if (Number(name) % 100 === 0) await mkdir(join(folder, name));
        const inside = join(folder, `${Math.floor(Number(name) / 100) * 100}`, `file${name}`);
        await writeFile(inside, name);
      }
      const nodes: bigint[] = [];
      for (const name of names) {
        const parent = await lookup(guest, `${Math.floor(Number(name) / 100) * 100}`);
        nodes.push(await lookup(guest, `file${name}`, parent));
      }
      for (const [index, node] of nodes.entries()) {
        const { error, body } = await guest.ask(op.open, node, words(0, 0));
        expect(error).toBe(0);
        const handle = body.readBigUInt64LE(0);
        expect(await readAll(guest, node, handle)).toBe(`${index}`);
        await guest.ask(op.release, node, Buffer.concat([long(handle), words(0, 0), long(0n)]));
      }
      expect(new Set(nodes).size).toBe(600);
      expect((await readdir(`/proc/${await guest.worker()}/fd`)).length).toBeLessThan(100);
    },
    { openFilesMax: 128 },
  );
}, 60_000);
