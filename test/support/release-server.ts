/** A web server of a release's files that can be told to misbehave. */
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

/** One request as the server saw it. */
export type Seen = { readonly path: string; readonly range: string | undefined; readonly ifRange: string | undefined };

/** One request with what an honest server would answer. */
export type Call = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The whole file, where the request begins in it, and the headers of the honest answer. */
  readonly file: Buffer;
  readonly start: number;
  readonly status: number;
  readonly headers: Record<string, string | number>;
  /** How many requests for a download there were before this one. */
  readonly index: number;
};

/** Answers a request for a download; nothing for the honest answer. */
export type Misbehaviour = (call: Call) => Promise<void> | "honest";

/** The server; `base` is its address. */
export type ReleaseServer = AsyncDisposable & {
  readonly base: string;
  readonly port: number;
  /** Requests for downloads; the list and its signatures are left out. */
  readonly seen: Seen[];
  misbehave: Misbehaviour;
  /** Ends all connections. */
  hangUp(): void;
};

/** Serves `folder`. */
export async function releaseServer(
  folder: string,
  misbehave: Misbehaviour = () => "honest",
  tls?: { readonly key: string; readonly cert: string },
): Promise<ReleaseServer> {
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    void answer(folder, state, request, response).catch(() => response.destroy());
  };
  const server = tls === undefined ? createServer(onRequest) : createTlsServer(tls, onRequest);
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  const state = {
    base: `${tls === undefined ? "http" : "https"}://localhost:${port}/`,
    port,
    seen: [] as Seen[],
    misbehave,
    hangUp: () => server.closeAllConnections(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return state;
}

/** Sends the honest answer as far as `bytes` of it, then ends the connection. The client may lose some of what it has. */
export async function cutAfter(call: Call, bytes: number): Promise<void> {
  await stopAfter(call, bytes);
  call.response.socket?.end();
}

/** Sends the honest answer as far as `bytes` of it, and then nothing more. */
export async function stopAfter({ response, status, headers, file, start }: Call, bytes: number): Promise<void> {
  response.writeHead(status, headers);
  await new Promise((resolve) => response.write(file.subarray(start, start + bytes), resolve));
}

/** Sends whatever a test wants. */
export async function send(
  { response }: Call,
  status: number,
  headers: Record<string, string | number>,
  body: Uint8Array = new Uint8Array(),
): Promise<void> {
  response.writeHead(status, headers).end(body);
}

// --- internal ---

async function answer(
  folder: string,
  state: ReleaseServer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = decodeURIComponent(request.url ?? "/").slice(1);
  const file = await readFile(join(folder, path)).catch(() => undefined);
  if (file === undefined) return void response.writeHead(404).end();
  if (path.startsWith("images.json")) return void response.writeHead(200, { "content-length": file.length }).end(file);
  const { range, "if-range": ifRange } = request.headers;
  const etag = `"${file.length}-${Bun.hash(file)}"`;
  const isPart = range !== undefined && (ifRange === undefined || ifRange === etag);
  const start = isPart ? Number(/^bytes=(\d+)-$/.exec(range)?.[1]) : 0;
  const headers = {
    etag,
    "content-length": file.length - start,
    ...(isPart && { "content-range": `bytes ${start}-${file.length - 1}/${file.length}` }),
  };
  const index = state.seen.push({ path, range, ifRange: ifRange?.toString() }) - 1;
  const call: Call = { request, response, file, start, status: isPart ? 206 : 200, headers, index };
  if ((await state.misbehave(call)) !== "honest") return;
  response.writeHead(call.status, headers).end(file.subarray(start));
}
