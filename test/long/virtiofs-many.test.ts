/** A million files that a guest knows, of a server that may have 1,024 descriptors: memory, and that none is another. */
import { expect, test } from "bun:test";
import { closeSync, ftruncateSync, mkdirSync, openSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { inShare, lookup, op, root } from "../support/fuse-calls.ts";
import { memoryOf } from "../support/resident.ts";
import { long, type VhostGuest, words } from "../support/vhost-guest.ts";

const folders = 1000;
const filesEach = 1000;
const knownFirst = 200_000;
const sampled = 2000;

/** Sparse, and as long as no other: a file is known by its size. */
const sizeOf = (folder: number, file: number): number => folder * filesEach + file + 1;

function makeAll(at: string): void {
  for (let folder = 0; folder < folders; folder += 1) {
    mkdirSync(join(at, `${folder}`));
    for (let file = 0; file < filesEach; file += 1) {
      const fd = openSync(join(at, `${folder}/file-${file}.txt`), "w");
      ftruncateSync(fd, sizeOf(folder, file));
      closeSync(fd);
    }
  }
}

/** A node, its inode and size, by the name of each file in a folder, as one READDIRPLUS after the other tells them. */
async function walk(guest: VhostGuest, folder: number): Promise<Map<string, readonly [bigint, bigint, number]>> {
  const node = await lookup(guest, `${folder}`);
  const handle = (await guest.ask(op.opendir, node, words(0, 0))).body.readBigUInt64LE(0);
  const found = new Map<string, readonly [bigint, bigint, number]>();
  for (let offset = 0n; ;) {
    const asked = Buffer.concat([long(handle), long(offset), words(16_000, 0), long(0n), words(0, 0)]);
    const { error, body } = await guest.ask(READDIRPLUS, node, asked, 16_384);
    if (error !== 0) throw new Error(`READDIRPLUS: ${error}`);
    if (body.length === 0) break;
    for (let at = 0; at < body.length;) {
      const entry = at + entryBytes;
      const length = body.readUInt32LE(entry + 16);
      const name = body.toString("utf8", entry + 24, entry + 24 + length);
      if (!name.startsWith("."))
        found.set(name, [
          body.readBigUInt64LE(at),
          body.readBigUInt64LE(at + 40),
          Number(body.readBigUInt64LE(at + 48)),
        ]);
      offset = body.readBigUInt64LE(entry + 8);
      at = entry + Math.ceil((24 + length) / 8) * 8;
    }
  }
  await guest.ask(RELEASEDIR, node, Buffer.concat([long(handle), words(0, 0), long(0n)]));
  return found;
}

const READDIRPLUS = 44;
const RELEASEDIR = 29;
/** struct fuse_entry_out. */
const entryBytes = 128;

/** What both processes of the server take of this machine's memory, in MiB. */
async function memoryOfBoth(guest: VhostGuest): Promise<number> {
  const both = await Promise.all([guest.holder.pid, await guest.worker()].map(memoryOf));
  return Math.round(both.reduce((sum, { Pss }) => sum + Pss, 0));
}

test.skipIf(process.platform !== "linux")(
  "a million files are known to a server that may have 1,024 descriptors, and each is itself, also to the next server",
  () =>
    inShare(async ({ guest, folder: at }) => {
      makeAll(at);
      const nodes = new Map<number, bigint>();
      const memory: number[] = [await memoryOfBoth(guest)];
      for (let folder = 0; folder < folders; folder += 1) {
        const found = await walk(guest, folder);
        expect(found.size).toBe(filesEach);
        for (let file = 0; file < filesEach; file += 1) {
          const [node, inode, size] = found.get(`file-${file}.txt`) ?? [0n, 0n, 0];
          if (size !== sizeOf(folder, file) || inode !== BigInt(statSync(join(at, `${folder}/file-${file}.txt`)).ino))
            throw new Error(`${folder}/file-${file}.txt is said to be ${inode} with ${size} bytes`);
          nodes.set(size, node);
        }
        if ((folder + 1) * filesEach === knownFirst) memory.push(await memoryOfBoth(guest));
      }
      expect(new Set(nodes.values()).size).toBe(folders * filesEach);
      memory.push(await memoryOfBoth(guest));
      const sample = Array.from(
        { length: sampled },
        (_, index) => 1 + Math.floor((index * folders * filesEach) / sampled),
      );
      const check = async (): Promise<void> => {
        for (const size of sample) {
          const { error, body } = await guest.ask(op.getattr, nodes.get(size) ?? 0n, Buffer.alloc(16));
          expect([error, Number(body.readBigUInt64LE(24))]).toEqual([0, size]);
        }
      };
      await check();
      const worker = await guest.worker();
      expect((await readdir(`/proc/${worker}/fd`)).length).toBeLessThan(600);
      const killedMs = performance.now();
      process.kill(worker, "SIGKILL");
      await guest.ask(op.getattr, root, Buffer.alloc(16));
      const awayMs = Math.round(performance.now() - killedMs);
      await check();
      memory.push(await memoryOfBoth(guest));
      console.log(
        `MiB with nothing, ${knownFirst} and all known, and of the next server: ${memory.join(", ")}; away ${awayMs} ms`,
      );
      expect(memory[1]).toBeLessThan(80);
      expect(Math.max(...memory)).toBeLessThan(250);
    }),
  1_800_000,
);
