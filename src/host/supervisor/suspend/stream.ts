/** Carries QEMU's migration stream to a file and back, through a Unix socket: every QEMU can do that. */
import { closeSync, openSync } from "node:fs";
import { open } from "node:fs/promises";
import { QnError } from "../../../base/errors.ts";
import { connect, type Connection, listen } from "../../../system/net/connection.ts";
import { pieceBytes, Pieces, writeAll } from "./pieces.ts";
import { headBytes } from "./state.ts";

/** How much there is of a stream, and a hash of it: what is read back must be what was written. */
export type StreamFacts = { readonly bytes: number; readonly hash: string };

/**
 * Writes what comes to `socketPath` into a new file, its owner's alone, behind the place of its head. `begin` has QEMU
 * send, and resolves when QEMU has sent all. Throws what `begin` throws, and the system's errors.
 */
export async function receiveStream(
  socketPath: string,
  path: string,
  begin: () => Promise<void>,
): Promise<StreamFacts> {
  const file = openSync(path, "wx", 0o600);
  try {
    // The head comes last, when there may be no more space for it.
    writeAll(file, Buffer.alloc(headBytes), 0);
    return await receiveInto(file, socketPath, begin);
  } finally {
    closeSync(file);
  }
}

/** Feeds the file's stream to the QEMU that listens at `socketPath`. Throws QEMU_FAILED when it is another one. */
export async function sendStream(path: string, socketPath: string, expected: StreamFacts): Promise<void> {
  const connection = await connect({ unix: socketPath });
  const feed = new Feed(connection);
  try {
    await checkStream(path, expected, (chunk) => feed.write(chunk));
  } catch (error) {
    connection.reset();
    throw error;
  }
  connection.end();
}

/**
 * Reads the file's stream to its end, and gives each part of it to `onChunk` before it reads on. Throws QEMU_FAILED
 * when it is not what was written.
 */
export async function checkStream(
  path: string,
  expected: StreamFacts,
  onChunk: (chunk: Uint8Array) => Promise<void> = async () => {},
): Promise<void> {
  await using file = await open(path, "r");
  const pieces = new Pieces();
  for (let at = 0; at < expected.bytes;) {
    // A new one each time: what a connection does not take at once waits in it.
    const chunk = Buffer.allocUnsafe(Math.min(pieceBytes, expected.bytes - at));
    const { bytesRead } = await file.read(chunk, 0, chunk.length, headBytes + at);
    if (bytesRead === 0) break;
    pieces.add(chunk.subarray(0, bytesRead));
    await onChunk(chunk.subarray(0, bytesRead));
    at += bytesRead;
  }
  pieces.finishAs(expected);
}

// --- internal ---

async function receiveInto(file: number, socketPath: string, begin: () => Promise<void>): Promise<StreamFacts> {
  const pieces = new Pieces((piece, at) => writeAll(file, piece, headBytes + at));
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
  const listener = listen({ unix: socketPath }, (connection) => {
    listener.close();
    connection.take({
      onData(chunk) {
        try {
          pieces.add(chunk);
        } catch (error) {
          // A full disk, say: QEMU's own send fails with it.
          reject(error);
          connection.reset();
        }
      },
      onEnd() {
        connection.end();
        resolve();
      },
      onClose: (error) => (error === undefined ? resolve() : reject(error)),
    });
  });
  try {
    await Promise.all([begin(), ended]);
    return pieces.finish();
  } finally {
    listener.closeAll();
  }
}

/** Writes to a connection no faster than it is read. */
class Feed {
  readonly #connection: Connection;
  #drained = Promise.withResolvers<void>();

  constructor(connection: Connection) {
    this.#connection = connection;
    const turn = (): void => {
      this.#drained.resolve();
      this.#drained = Promise.withResolvers();
    };
    connection.take({ onDrain: turn, onClose: turn });
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#connection.isClosed) throw new QnError("QEMU_FAILED", "QEMU does not take the saved state.");
    if (!this.#connection.write(chunk)) await this.#drained.promise;
  }
}
