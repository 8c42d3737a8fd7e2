/** Requests of FUSE, as tests write them. */
import { chown, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { newFolder } from "./folder.ts";
import { long, named, type ServerOptions, VhostGuest, words } from "./vhost-guest.ts";

/** Numbers of requests. */
export const op = {
  lookup: 1,
  getattr: 3,
  setattr: 4,
  readlink: 5,
  symlink: 6,
  mknod: 8,
  mkdir: 9,
  unlink: 10,
  rmdir: 11,
  rename: 12,
  link: 13,
  open: 14,
  read: 15,
  write: 16,
  statfs: 17,
  release: 18,
  fsync: 20,
  setxattr: 21,
  getxattr: 22,
  listxattr: 23,
  removexattr: 24,
  init: 26,
  opendir: 27,
  readdir: 28,
  fsyncdir: 30,
  create: 35,
  fallocate: 43,
  readdirplus: 44,
  rename2: 45,
  lseek: 46,
  copyFileRange: 47,
  syncfs: 50,
  tmpfile: 51,
};
/** A user of nobody's. */
export const plainUser = 54_321;
/** The mount itself. */
export const root = 1n;

/** A guest, its mount, and a folder that lies around it. */
export type Scene = { readonly guest: VhostGuest; readonly folder: string; readonly aside: string };

/** Serves a new folder to a guest. */
export async function inShare(use: (scene: Scene) => Promise<void>, options: ServerOptions = {}): Promise<void> {
  await using place = await newFolder();
  const folder = join(place.path, "share");
  await mkdir(folder);
  const { uid } = options;
  if (uid !== undefined) for (const each of [place.path, folder]) await chown(each, uid, uid);
  await using guest = await VhostGuest.start(folder, join(place.path, "s.sock"), options);
  await use({ guest, folder, aside: place.path });
}

/** The node of a name. */
export async function lookup(guest: VhostGuest, name: string, parent = root): Promise<bigint> {
  const { error, body } = await guest.ask(op.lookup, parent, named(name));
  if (error !== 0) throw new Error(`LOOKUP ${name}: ${error}`);
  return body.readBigUInt64LE(0);
}

/** A new file, opened to read and write: its node and its handle. */
export async function create(guest: VhostGuest, name: string): Promise<readonly [bigint, bigint]> {
  const { error, body } = await guest.ask(op.create, root, Buffer.concat([words(2, 0o644, 0, 0), named(name)]));
  if (error !== 0) throw new Error(`CREATE ${name}: ${error}`);
  return [body.readBigUInt64LE(0), body.readBigUInt64LE(128)];
}

/** The arguments of a write. */
export const writing = (handle: bigint, at: number, text: string): Buffer =>
  Buffer.concat([long(handle), long(at), words(text.length, 0), long(0n), words(0, 0), Buffer.from(text)]);
/** The arguments of a read from the beginning. */
const reading = (handle: bigint, size: number): Buffer =>
  Buffer.concat([long(handle), long(0n), words(size, 0), long(0n), words(0, 0)]);

/** A file's content, or the error. */
export async function readAll(guest: VhostGuest, node: bigint, handle: bigint): Promise<string> {
  const { error, body } = await guest.ask(op.read, node, reading(handle, 4096));
  return error === 0 ? body.toString() : `${error}`;
}
