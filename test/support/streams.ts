/** Real byte streams for contract tests: what came out of one, and whole payloads put into one. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Address, type Connection, listen, type Listener } from "../../src/system/net/connection.ts";

/** Bytes that repeat only after 251, so that a lost, doubled or moved piece changes the sum. */
export function payload(bytes: number): Buffer {
  return Buffer.alloc(bytes, Buffer.from(Array.from({ length: 251 }, (_, index) => index)));
}

/** The sum of some bytes, to compare many without printing them. */
export function sumOf(bytes: Uint8Array): string {
  return `${bytes.length} bytes ${Bun.hash(bytes).toString(16)}`;
}

/** Everything that came out of a connection. */
export type Received = {
  readonly chunks: Uint8Array[];
  readonly bytes: number;
  readonly whole: Buffer;
  /** Resolves when no more can come: the other side has ended its direction, or all of the connection. */
  readonly ended: Promise<void>;
  /** Resolves when the connection is gone, with the error's code, or nothing when it was closed in order. */
  readonly closed: Promise<string | undefined>;
  /** Keeps what has come, for a test that looks at it first. */
  take(chunk: Uint8Array): void;
  /** Resolves when at least this many bytes have come. */
  reached(bytes: number): Promise<void>;
};

/** Takes the handlers of a connection over and keeps what comes. */
export function receive(connection: Connection): Received {
  const chunks: Uint8Array[] = [];
  const ended = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<string | undefined>();
  let bytes = 0;
  let goal = { bytes: Number.POSITIVE_INFINITY, resolve: () => {} };
  const take = (chunk: Uint8Array): void => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= goal.bytes) goal.resolve();
  };
  connection.take({
    onData: take,
    onEnd: () => ended.resolve(),
    onClose: (error) => {
      closed.resolve(error === undefined ? undefined : codeOf(error));
      ended.resolve();
    },
  });
  if (connection.isClosed) connection.hearClose(undefined);
  return {
    chunks,
    take,
    get bytes() {
      return bytes;
    },
    get whole() {
      return Buffer.concat(chunks);
    },
    ended: ended.promise,
    closed: closed.promise,
    async reached(wanted) {
      if (bytes >= wanted) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      goal = { bytes: wanted, resolve };
      await promise;
    },
  };
}

/** Writes all of it, as fast as the other side takes it; resolves when the last piece is handed over. */
export async function send(connection: Connection, bytes: Uint8Array): Promise<void> {
  const pieceBytes = 65_536;
  for (let offset = 0; offset < bytes.length; offset += pieceBytes) {
    if (connection.write(bytes.subarray(offset, offset + pieceBytes))) continue;
    const { promise, resolve } = Promise.withResolvers<void>();
    connection.amend({ onDrain: resolve });
    await promise;
  }
}

/** Takes all that comes, tells `onHeard` its sum once it has ended, and answers with `down` and its own end. */
export async function answerAtEnd(
  connection: Connection,
  down: Uint8Array,
  onHeard: (sum: string) => void,
): Promise<void> {
  const received = receive(connection);
  await received.ended;
  onHeard(sumOf(received.whole));
  await send(connection, down);
  connection.end();
}

/** The other end of that: sends `up` and its own end, and gives all that has come once the connection is gone. */
export async function askToEnd(connection: Connection, up: Uint8Array): Promise<Received> {
  const received = receive(connection);
  await send(connection, up);
  connection.end();
  await received.closed;
  return received;
}

/** A listener on a free loopback port or a Unix socket in a folder of its own; both go away at the end of the test. */
export type TestListener = AsyncDisposable & { readonly address: Address; readonly listener: Listener };

/** Listens at a new address of the kind that is asked for. */
export async function listenSomewhere(
  kind: "tcp" | "unix",
  onConnection: (connection: Connection) => void,
): Promise<TestListener> {
  if (kind === "tcp") {
    const listener = listen({ hostname: "127.0.0.1", port: 0 }, onConnection);
    const address = { hostname: "127.0.0.1", port: listener.port };
    return { address, listener, [Symbol.asyncDispose]: async () => listener.closeAll() };
  }
  const folder = await mkdtemp(join(tmpdir(), "qn-"));
  const address = { unix: join(folder, "s.sock") };
  const listener = listen(address, onConnection);
  return {
    address,
    listener,
    async [Symbol.asyncDispose]() {
      listener.closeAll();
      await rm(folder, { recursive: true });
    },
  };
}

// --- internal ---

function codeOf(error: Error): string {
  return "code" in error ? String(error.code) : error.message;
}
