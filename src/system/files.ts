/** The door to the file system: what qn needs beyond node:fs. */
import { constants, type FileHandle, lstat, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isErrno } from "./errno.ts";
import { refuseStrange } from "./files-at-once.ts";

/**
 * Replaces a file in one step: readers see the old or the new content, never a part. `mode` is the file's permission
 * bits; the content is on disk before the name points at it.
 */
export async function writeFileAtomically(path: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
  const temporary = join(dirname(path), `.${crypto.randomUUID()}.tmp`);
  try {
    const file = await open(temporary, "wx", mode);
    try {
      await file.writeFile(content);
      await file.chmod(mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * Copies a file to a new one that only its owner can read and write: pieces that are all zero become holes, which take
 * no space. Throws EEXIST when there is something at `to`, and the system's errors.
 */
export async function copySparse(from: string, to: string): Promise<void> {
  const zeroes = Buffer.alloc(pieceBytes);
  const piece = Buffer.alloc(pieceBytes);
  await using source = await open(from, "r");
  await using target = await open(to, "wx", 0o600);
  const { size } = await source.stat();
  for (let at = 0; at < size;) {
    const { bytesRead } = await source.read(piece, 0, pieceBytes, at);
    if (bytesRead === 0) break;
    const read = piece.subarray(0, bytesRead);
    const isEmpty = read.equals(zeroes.subarray(0, bytesRead));
    at += isEmpty ? bytesRead : (await target.write(read, 0, bytesRead, at)).bytesWritten;
  }
  await target.truncate(size);
}

/** Writes all of the bytes into a file, from `position` on: one call may write fewer. Throws the system's errors. */
export async function writeAt(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
  }
}

/**
 * Makes a file that only its owner can read, in a folder that others may write to: nothing that is there is written to,
 * and no link followed. Throws EEXIST when there is something of that name, a link that leads nowhere included.
 */
export async function writeNewFile(path: string, content: Uint8Array): Promise<void> {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  const file = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    await file.writeFile(content);
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/**
 * The last bytes of a file, at most `bytesMax`; nothing when it is not there. Throws for whatever is no file: a link is
 * not followed, and nobody waits for the other end of a FIFO.
 */
export async function readPlainEnd(
  path: string,
  bytesMax: number,
): Promise<{ readonly bytes: Buffer; readonly isWhole: boolean } | undefined> {
  const file = await openPlain(path);
  if (file === undefined) return undefined;
  try {
    const facts = await file.stat();
    if (!facts.isFile()) throw new Error(`${path} is no file`);
    const start = Math.max(0, facts.size - bytesMax);
    const length = facts.size - start;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start);
    return { bytes: buffer.subarray(0, bytesRead), isWhole: start === 0 };
  } finally {
    await file.close();
  }
}

/**
 * The text of a file, or nothing when it is not there. Other failures are thrown as they are, and EINVAL for what would
 * keep a reader waiting, such as a FIFO.
 */
export async function readTextIfThere(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      refuseStrange(path, await file.stat());
      return await file.readFile("utf8");
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** True when the path names something, a dangling link included. */
export async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return false;
    throw error;
  }
}

/** The names of what is in a folder; none when it is not there. Other failures are thrown as they are. */
export async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}

// --- internal ---

/** What `copySparse` looks at at once. */
const pieceBytes = 256 * 1024;

async function openPlain(path: string): Promise<FileHandle | undefined> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  try {
    return await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    // ELOOP is what open(2) says of a link here.
    throw isErrno(error, "ELOOP") ? new Error(`${path} is a link`, { cause: error }) : error;
  }
}
