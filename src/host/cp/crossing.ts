/**
 * The way to another file system for what has arrived: a copy beside its place, where a guest may write, from which a
 * rename puts it there. Nothing that a guest puts in the way meanwhile is followed or written to.
 */
import type { Stats } from "node:fs";
import {
  chmod,
  constants,
  link,
  lstat,
  lutimes,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readlink,
  symlink,
  utimes,
} from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { asidePrefix, openFolder, type OpenFolder, removeTree } from "./open-folder.ts";

/**
 * Copies `arrived`, which has been tamed and which no guest sees, to a new folder beside `final`: with modes, times,
 * links and holes. Gives back the path of the copy, which is gone when this is disposed of; so it is after any failure.
 * Throws the system's error, EEXIST for something that a guest has put there, and `signal`'s reason.
 */
export async function cross(
  arrived: string,
  final: string,
  signal: AbortSignal,
): Promise<AsyncDisposable & { readonly arrived: string }> {
  const parent = await openFolder(dirname(final));
  const held: Disposable[] = [parent];
  const close = (): void => held.splice(0).forEach((each) => each[Symbol.dispose]());
  try {
    const path = await mkdtemp(join(parent.at, asidePrefix));
    const dispose = async (): Promise<void> => {
      await removeTree(path).finally(close);
    };
    try {
      const folder = await openFolder(path);
      held.push(folder);
      const copied = join(folder.at, basename(arrived));
      await crossEntry(arrived, copied, await lstat(arrived), { signal, names: new Map(), held });
      return { arrived: copied, [Symbol.asyncDispose]: dispose };
    } catch (error) {
      await dispose();
      throw error;
    }
  } catch (error) {
    close();
    throw error;
  }
}

// --- internal ---

type Crossing = {
  readonly signal: AbortSignal;
  /** Where files are that have several names, by their inodes. */
  readonly names: Map<number, string>;
  /** What stays open to the end: the folders of those files. */
  readonly held: Disposable[];
};

/** A file's further names are files of their own beyond this many folders that would have to stay open for them. */
const heldMax = 200;

const chunkBytes = 1024 ** 2;

async function crossEntry(from: string, to: string, facts: Stats, crossing: Crossing): Promise<void> {
  crossing.signal.throwIfAborted();
  if (facts.isDirectory()) {
    await crossFolder(from, to, facts, crossing);
  } else if (facts.isSymbolicLink()) {
    await symlink(await readlink(from), to);
    await lutimes(to, facts.atimeMs / 1000, facts.mtimeMs / 1000);
  } else {
    const other = facts.nlink > 1 ? crossing.names.get(facts.ino) : undefined;
    // link(2) follows no link, and the folder of the other name is still the one that was made here.
    await (other === undefined ? crossFile(from, to, facts, crossing.signal) : link(other, to));
  }
}

async function crossFolder(from: string, to: string, facts: Stats, crossing: Crossing): Promise<void> {
  await mkdir(to, 0o700);
  const folder: OpenFolder = await openFolder(to);
  let isHeld = false;
  try {
    // It is qn's own, and goes after this.
    if ((facts.mode & 0o500) !== 0o500) await chmod(from, facts.mode | 0o500);
    for (const name of await readdir(from)) {
      const [source, target] = [join(from, name), join(folder.at, name)];
      const entry = await lstat(source);
      await crossEntry(source, target, entry, crossing);
      if (!entry.isFile() || entry.nlink < 2 || crossing.names.has(entry.ino)) continue;
      if (!isHeld && crossing.held.length >= heldMax) continue;
      if (!isHeld) crossing.held.push(folder);
      isHeld = true;
      crossing.names.set(entry.ino, target);
    }
    await chmod(folder.at, facts.mode & 0o777);
    await utimes(folder.at, facts.atimeMs / 1000, facts.mtimeMs / 1000);
  } finally {
    if (!isHeld) folder[Symbol.dispose]();
  }
}

async function crossFile(from: string, to: string, facts: Stats, signal: AbortSignal): Promise<void> {
  const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  if ((facts.mode & 0o400) === 0) await chmod(from, facts.mode | 0o400);
  await using source = await open(from, O_RDONLY | O_NOFOLLOW);
  await using target = await open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  const [buffer, zeros] = [Buffer.alloc(chunkBytes), Buffer.alloc(chunkBytes)];
  for (let position = 0; position < facts.size;) {
    signal.throwIfAborted();
    const { bytesRead } = await source.read(buffer, 0, chunkBytes, position);
    if (bytesRead === 0) break;
    // What is not written stays a hole.
    let written = buffer.compare(zeros, 0, bytesRead, 0, bytesRead) === 0 ? bytesRead : 0;
    while (written < bytesRead) {
      written += (await target.write(buffer, written, bytesRead - written, position + written)).bytesWritten;
    }
    position += bytesRead;
  }
  await target.truncate(facts.size);
  await target.chmod(facts.mode & 0o777);
  await target.utimes(facts.atimeMs / 1000, facts.mtimeMs / 1000);
}
