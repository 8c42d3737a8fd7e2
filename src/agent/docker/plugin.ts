/** A Docker authorization plugin: dockerd asks it before each request and before each answer, and waits. */
import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import * as v from "valibot";
import { messageOf } from "../../base/errors.ts";
import { lazily } from "../../base/lazily.ts";
import { connect, type Connection, listen } from "../../system/net/connection.ts";

/** A call as dockerd describes it (docs.docker.com, "Access authorization plugin"). The body is base64. */
const callSchema = v.object({
  RequestMethod: v.string(),
  RequestUri: v.string(),
  RequestBody: v.optional(v.string()),
});

/** One request of a Docker client. `body` is its JSON, parsed when it is read, or nothing. */
export type DockerRequest = { readonly method: string; readonly uri: string; readonly body: unknown };

/** A plugin's server. */
export type Plugin = { close(): Promise<void> };

/**
 * What a plugin does. `beforeRequest` holds a request until it resolves; when it throws, Docker shows its message to
 * the user and does nothing. `beforeAnswer` holds the answer back: what was asked for has been done by then.
 */
export type Hooks = {
  readonly beforeRequest: (request: DockerRequest) => Promise<void>;
  readonly beforeAnswer?: (request: DockerRequest) => Promise<void>;
  /**
   * Holds an answer back of which only that much is known: a call that an agent's death has cut off is repeated by
   * dockerd without its body (moby's pkg/plugins/client.go sends a buffer that the first try has read).
   */
  readonly beforeLostAnswer?: () => Promise<void>;
  /** Why a request is refused whose words are lost the same way; without it such a request passes. */
  readonly refuseLost?: string;
};

/** What systemd has opened for a plugin: its listening socket's number, so that callers queue while no agent lives. */
export type PluginOptions = { readonly inherited?: number | undefined };

/** Serves the plugin on `socketPath`, replacing a socket that a killed agent left, or on the one that is inherited. */
export async function servePlugin(socketPath: string, hooks: Hooks, options: PluginOptions = {}): Promise<Plugin> {
  // Bun's HTTP server takes no listener that is there already, its plain listener does: each connection is passed on.
  // dockerd takes each socket beside its own plugins' for another one, and not what is in a folder there.
  const folder = `${socketPath}.d`;
  const inner = `${folder}/http`;
  await mkdir(dirname(socketPath), { recursive: true, mode: 0o755 });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const server = await serveAt(inner, hooks);
  if (options.inherited === undefined) await rm(socketPath, { force: true });
  const address = options.inherited === undefined ? { unix: socketPath } : { fd: options.inherited };
  const listener = listen(address, (connection) => passOnceAsked(connection, inner));
  return {
    async close() {
      listener.closeAll();
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

// --- internal ---

/**
 * Passes a connection on with its first bytes: Bun's HTTP server hangs up on one on which nothing is said for 10 s,
 * whatever it is told, and dockerd keeps some in reserve. A call that it writes at that moment is lost.
 */
function passOnceAsked(connection: Connection, inner: string): void {
  const heard: Heard = { said: [], isAll: false };
  connection.take({
    onData(bytes) {
      heard.said.push(bytes);
      if (heard.said.length === 1) void passOn(connection, inner, heard);
    },
    onEnd() {
      heard.isAll = true;
      if (heard.said.length === 0) connection.end();
    },
  });
}

/** What has come of a connection before it was passed on. */
type Heard = { readonly said: Uint8Array[]; isAll: boolean };

async function passOn(connection: Connection, inner: string, heard: Heard): Promise<void> {
  connection.pause();
  try {
    const server = await connect({ unix: inner });
    for (const bytes of heard.said) server.write(bytes);
    if (heard.isAll) server.end();
    follow(connection, server);
    follow(server, connection);
    connection.resume();
  } catch {
    connection.reset();
  }
}

/** What comes from one goes to the other, its end too. */
function follow(from: Connection, to: Connection): void {
  from.take({
    onData(bytes) {
      if (!to.write(bytes)) from.pause();
    },
    onDrain: () => to.resume(),
    onEnd: () => to.end(),
    onClose: (error) => (error === undefined ? to.end() : to.reset()),
  });
  if (from.isClosed) to.reset();
}

async function serveAt(socketPath: string, hooks: Hooks): Promise<Plugin> {
  await rm(socketPath, { force: true });
  const server = Bun.serve({
    unix: socketPath,
    development: false,
    maxRequestBodySize: 64 * 1024 * 1024,
    // Bun closes what idles for 10 s otherwise: a call that dockerd writes at that moment is lost and comes again
    // without its words, and the request of the user is refused (403, seen with `docker run`). Bun's types know it for
    // TCP only.
    ...({ idleTimeout: 0 } as object),
    fetch(request, server) {
      // Bun hangs up on a request that is held for 10 s otherwise, and Docker then refuses it.
      server.timeout(request, 0);
      return answer(request, hooks);
    },
  });
  return { close: () => server.stop(true) };
}

async function answer(request: Request, hooks: Hooks): Promise<Response> {
  // Docker sends no usable Host header to a plugin, so `url` may be a bare path, or begin with what is no host.
  const pathname = request.url.replace(/^https?:\/\/[^/]*/, "");
  if (pathname === "/Plugin.Activate") return Response.json({ Implements: ["authz"] });
  const known = new Map([
    ["/AuthZPlugin.AuthZReq", hooks.beforeRequest],
    ["/AuthZPlugin.AuthZRes", hooks.beforeAnswer],
  ]);
  if (!known.has(pathname)) return Response.json({ Allow: true });
  const hook = known.get(pathname);
  try {
    const text = await request.text();
    if (text === "") return await answerLost(pathname, hooks);
    if (hook !== undefined) await hook(parseCall(text));
    return Response.json({ Allow: true });
  } catch (error) {
    return Response.json({ Allow: false, Msg: messageOf(error) });
  }
}

async function answerLost(pathname: string, hooks: Hooks): Promise<Response> {
  const { refuseLost, beforeLostAnswer } = hooks;
  if (pathname === "/AuthZPlugin.AuthZRes") await beforeLostAnswer?.();
  else if (refuseLost !== undefined) return Response.json({ Allow: false, Msg: refuseLost });
  return Response.json({ Allow: true });
}

function parseCall(call: string): DockerRequest {
  const { RequestMethod, RequestUri, RequestBody } = v.parse(callSchema, JSON.parse(call));
  const body = lazily(() => parseJson(Buffer.from(RequestBody ?? "", "base64").toString("utf8")));
  return {
    method: RequestMethod,
    uri: RequestUri,
    get body() {
      return body();
    },
  };
}

/** Nothing of a body that is empty or not JSON, which is Docker's to refuse. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
