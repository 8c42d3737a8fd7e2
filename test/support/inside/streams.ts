/**
 * A server that runs in a container and treats TCP streams as badly as servers do, one manner for each port. What it has
 * seen is told at `http://…:80/seen`.
 */
import { readdirSync } from "node:fs";
import type { Socket } from "bun";

/** What one stream has brought, and how it ended: "end", or the system's word. `left` is what is still to be sent. */
type Stream = { bytes: number; sum: number; end: string | undefined; sent: number; left: number };

/** What a port does with its streams. A port that says nothing else ends when its client does. */
type Manner = {
  readonly open?: (socket: Socket<Stream>) => void;
  readonly data?: (socket: Socket<Stream>, bytes: Buffer) => void;
  readonly end?: (socket: Socket<Stream>) => void;
};

/** Numbers from 0 to 250 again and again, so that a lost, doubled or moved piece is seen. */
const pattern = Buffer.alloc(251 * 1044, Buffer.from(Array.from({ length: 251 }, (_, index) => index)));

/** Sends what the client has asked for as fast as it is taken, then ends. */
function pour(socket: Socket<Stream>): void {
  const stream = socket.data;
  while (stream.left > 0) {
    const from = stream.sent % 251;
    const wanted = Math.min(stream.left, pattern.length - from);
    const written = Math.max(0, socket.write(pattern.subarray(from, from + wanted)));
    stream.sent += written;
    stream.left -= written;
    if (written < wanted) return;
  }
  if (stream.sent > 0) socket.shutdown();
}

const manners: Record<number, Manner> = {
  // Listens to the end, then answers with what it has heard.
  81: { end: (socket) => void socket.end(`${socket.data.bytes} ${socket.data.sum}`) },
  // Says its part and ends; goes on listening.
  82: {
    open(socket) {
      socket.write("that is all");
      socket.shutdown();
    },
  },
  // Answers the first bytes, then breaks the connection off.
  83: {
    data(socket) {
      socket.write("no more");
      setTimeout(() => socket.terminate(), 100);
    },
  },
  // Greets and waits.
  84: { open: (socket) => void socket.write("hello") },
  // Sends as many bytes as its client says in one line.
  85: {
    data(socket, bytes) {
      socket.data.left = Number(bytes.toString());
      pour(socket);
    },
  },
  // Sends everything back.
  86: { data: (socket, bytes) => void socket.write(bytes) },
};

const streams: Record<string, Stream[]> = {};
for (const [port, manner] of Object.entries(manners)) {
  const own: Stream[] = (streams[port] = []);
  Bun.listen<Stream>({
    hostname: "0.0.0.0",
    port: Number(port),
    allowHalfOpen: true,
    socket: {
      open(socket) {
        socket.data = { bytes: 0, sum: 0, end: undefined, sent: 0, left: 0 };
        own.push(socket.data);
        manner.open?.(socket);
      },
      data(socket, bytes) {
        socket.data.bytes += bytes.length;
        socket.data.sum = Bun.hash.crc32(bytes, socket.data.sum);
        manner.data?.(socket, bytes);
      },
      end(socket) {
        if (manner.end === undefined) socket.end();
        else manner.end(socket);
      },
      drain: pour,
      close(socket, error) {
        socket.data.end = error === undefined ? "end" : ((error as NodeJS.ErrnoException).code ?? error.message);
      },
      error() {},
    },
  });
}

Bun.serve({
  hostname: "0.0.0.0",
  port: 80,
  fetch(request) {
    if (!request.url.endsWith("/seen")) return new Response("a small page\n");
    const told = Object.entries(streams).map(([port, own]) => [port, own.map(({ bytes, end }) => ({ bytes, end }))]);
    return Response.json({ files: readdirSync("/proc/self/fd").length, streams: Object.fromEntries(told) });
  },
});
