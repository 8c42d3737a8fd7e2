/** Servers of mounts as on a Mac beside Linux' own, and what both answer. */
import { expect } from "bun:test";
import { inShare, op, type Scene } from "./fuse-calls.ts";
import { long, type VhostGuest, words } from "./vhost-guest.ts";

/** Runs the same on a server of Linux' and on one as on a Mac, and expects the same of both. */
export async function onBoth(use: (scene: Scene) => Promise<unknown>, options: { uid?: number } = {}): Promise<void> {
  const seen: unknown[] = [];
  for (const isMac of [false, true])
    await inShare(
      async (scene) => {
        seen.push(await use(scene));
      },
      { ...options, isMac },
    );
  expect(seen[1]).toEqual(seen[0]);
}

/** What a request is answered, 0 or an error. */
export const errorOf = async (guest: VhostGuest, opcode: number, node: bigint, body: Buffer): Promise<number> =>
  (await guest.ask(opcode, node, body)).error;

/** Type and mode, size, and whose it is. */
export async function attributesOf(guest: VhostGuest, node: bigint): Promise<readonly number[]> {
  const { error, body } = await guest.ask(op.getattr, node, Buffer.alloc(16));
  if (error !== 0) return [error];
  return [body.readUInt32LE(16 + 60), Number(body.readBigUInt64LE(16 + 8)), body.readUInt32LE(16 + 68)];
}

/** The names of a folder with their types, read in pieces that hold few of them. */
export async function listed(
  guest: VhostGuest,
  node: bigint,
  room: number,
  opcode = op.readdir,
): Promise<readonly string[]> {
  const { body: opened } = await guest.ask(op.opendir, node, words(0, 0));
  const handle = opened.readBigUInt64LE(0);
  const names: string[] = [];
  for (let offset = 0n; ;) {
    const read = Buffer.concat([long(handle), long(offset), words(room, 0), long(0n), words(0, 0)]);
    const { error, body } = await guest.ask(opcode, node, read, room + 16);
    if (error !== 0) return [`${error}`];
    if (body.length === 0) break;
    const before = opcode === op.readdir ? 0 : 128;
    for (let next = before; next < body.length;) {
      const length = body.readUInt32LE(next + 16);
      names.push(`${body.subarray(next + 24, next + 24 + length).toString()} ${body.readUInt32LE(next + 20)}`);
      offset = body.readBigUInt64LE(next + 8);
      next += before + Math.ceil((24 + length) / 8) * 8;
    }
  }
  return names.toSorted();
}
