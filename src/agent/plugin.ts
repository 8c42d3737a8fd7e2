/** A Docker authorization plugin: dockerd asks it before each request and before each answer, and waits. */
import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import * as v from "valibot";
import { messageOf } from "../base/errors.ts";

/** A call as dockerd describes it (docs.docker.com, "Access authorization plugin"). The body is base64. */
const callSchema = v.object({
  RequestMethod: v.string(),
  RequestUri: v.string(),
  RequestBody: v.optional(v.string()),
});

/** One request of a Docker client. `body` is its JSON, or nothing. */
export type DockerRequest = { readonly method: string; readonly uri: string; readonly body: unknown };

/** A plugin's server. */
export type Plugin = { close(): Promise<void> };

/**
 * What a plugin does. `beforeRequest` holds a request until it resolves; when it throws, Docker shows its message to the
 * user and does nothing. `beforeAnswer` holds the answer back: what was asked for has been done by then.
 */
export type Hooks = {
  readonly beforeRequest: (request: DockerRequest) => Promise<void>;
  readonly beforeAnswer?: (request: DockerRequest) => Promise<void>;
};

/** Serves the plugin on `socketPath`, replacing a socket that a killed agent left. */
export async function servePlugin(socketPath: string, hooks: Hooks): Promise<Plugin> {
  await mkdir(dirname(socketPath), { recursive: true, mode: 0o755 });
  await rm(socketPath, { force: true });
  const server = Bun.serve({
    unix: socketPath,
    development: false,
    maxRequestBodySize: 64 * 1024 * 1024,
    fetch(request, server) {
      // Bun hangs up on a request that is held for 10 s otherwise, and Docker then refuses it.
      server.timeout(request, 0);
      return answer(request, hooks);
    },
  });
  return { close: () => server.stop(true) };
}

// --- internal ---

async function answer(request: Request, hooks: Hooks): Promise<Response> {
  // Docker sends no usable Host header to a plugin, so `url` may be a bare path, or begin with what is no host.
  const pathname = request.url.replace(/^https?:\/\/[^/]*/, "");
  if (pathname === "/Plugin.Activate") return Response.json({ Implements: ["authz"] });
  const hook = { "/AuthZPlugin.AuthZReq": hooks.beforeRequest, "/AuthZPlugin.AuthZRes": hooks.beforeAnswer }[pathname];
  if (hook === undefined) return Response.json({ Allow: true });
  try {
    await hook(await parseCall(request));
    return Response.json({ Allow: true });
  } catch (error) {
    return Response.json({ Allow: false, Msg: messageOf(error) });
  }
}

async function parseCall(request: Request): Promise<DockerRequest> {
  const { RequestMethod, RequestUri, RequestBody } = v.parse(callSchema, await request.json());
  const text = RequestBody === undefined ? "" : Buffer.from(RequestBody, "base64").toString("utf8");
  return { method: RequestMethod, uri: RequestUri, body: text === "" ? undefined : parseJson(text) };
}

/** A body that is not JSON is Docker's to refuse. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
