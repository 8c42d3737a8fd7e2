/** Clients of TCP ports for end-to-end tests: streams with their ends told apart, and many bytes that are looked at. */
import { connect } from "node:net";

/** A stream of a client. */
export type TcpClient = {
  /** Everything that has come so far. */
  readonly text: string;
  /** Resolves when the text has come to this. */
  heard(text: string): Promise<void>;
  /** Resolves when the other side has ended its direction. Rejects when the stream breaks off first. */
  readonly ended: Promise<void>;
  /** Resolves when the stream is gone: "end" when both sides have ended, or the system's word, such as ECONNRESET. */
  readonly gone: Promise<string>;
  write(text: string | Uint8Array): void;
  /** Ends this direction; the other goes on. */
  end(): void;
  /** Breaks the stream off. */
  reset(): void;
  /** Reads no more, so that the sender has to wait. */
  pause(): void;
  resume(): void;
};

/** Opens a stream to a port of the loopback. Its failure to connect is `gone` as well. */
export function tcpClient(port: number): TcpClient {
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true, noDelay: true });
  const ended = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<string>();
  const goals: { text: string; resolve: () => void }[] = [];
  let text = "";
  // Who does not wait for the end is not to fail by it.
  ended.promise.catch(() => {});
  socket.on("data", (bytes: Buffer) => {
    text += bytes.toString("latin1");
    for (const goal of goals) if (text === goal.text) goal.resolve();
  });
  socket.on("end", () => ended.resolve());
  socket.on("error", (error: NodeJS.ErrnoException) => {
    ended.reject(error);
    gone.resolve(error.code ?? error.message);
  });
  socket.on("close", () => gone.resolve("end"));
  return {
    get text() {
      return text;
    },
    heard(wanted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      if (text === wanted) resolve();
      goals.push({ text: wanted, resolve });
      return promise;
    },
    ended: ended.promise,
    gone: gone.promise,
    write: (bytes) => void socket.write(bytes),
    end: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
  };
}

/** Numbers from 0 to 250 again and again: what test/support/inside/streams.ts sends, and what it may be sent. */
export const pattern: Buffer = Buffer.alloc(251 * 8192, Buffer.from(Array.from({ length: 251 }, (_, index) => index)));

/** Asks port 85 of the streams' server for so many bytes, and looks at each. Throws when one is missing or wrong. */
export async function fetchPattern(port: number, bytes: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let at = 0;
  await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: (socket) => void socket.write(`${bytes}\n`),
      data(_socket, piece) {
        const from = at % 251;
        at += piece.length;
        if (!piece.equals(pattern.subarray(from, from + piece.length))) reject(new Error(`Wrong bytes before ${at}.`));
      },
      close: (_socket, error) =>
        error === undefined && at === bytes ? resolve() : reject(new Error(`${at} bytes: ${error}`)),
    },
  });
  await promise;
}
