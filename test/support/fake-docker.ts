/** A fake Docker daemon: a real HTTP server on a Unix socket with the few calls that qn makes. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What the daemon has, for a test to change. */
export type FakeDocker = AsyncDisposable & {
  readonly socketPath: string;
  /** The answer to `GET /containers/json`; a number is the status of a refusal. */
  containers: unknown;
  /** The answer to `GET /services`; a number is the status of a refusal. */
  services: unknown;
  /** The answers to `GET /containers/ID/json`, by id. */
  readonly inspected: Record<string, unknown>;
  /** Every request so far, as "GET /path?query". */
  readonly requests: readonly string[];
  /** How many follow events. */
  readonly followers: number;
  /** Tells everybody who follows events of one, a container's start unless another is given. */
  emit(event?: string): void;
  /** Stops and drops every client, as a daemon that is killed. */
  stop(): Promise<void>;
  /** Listens again at the same place. */
  start(): void;
};

/** Starts a daemon that runs no container; `socketPath` is a new one unless given. */
export async function fakeDocker(options: { readonly socketPath?: string } = {}): Promise<FakeDocker> {
  const folder = options.socketPath === undefined ? await mkdtemp(join(tmpdir(), "qn-docker-")) : undefined;
  const socketPath = options.socketPath ?? join(folder ?? "", "docker.sock");
  const requests: string[] = [];
  const followers = new Set<ReadableStreamDefaultController<string>>();
  let server: { stop(closeActive: boolean): Promise<void> } | undefined;
  const docker: FakeDocker = {
    socketPath,
    containers: [],
    services: 503,
    inspected: {},
    requests,
    get followers() {
      return followers.size;
    },
    emit(event = '{"Type":"container","Action":"start"}\n') {
      for (const follower of followers) follower.enqueue(event);
    },
    async stop() {
      followers.clear();
      await server?.stop(true);
      await rm(socketPath, { force: true });
    },
    start() {
      server = Bun.serve({ unix: socketPath, fetch: answer });
    },
    async [Symbol.asyncDispose]() {
      await docker.stop();
      if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    },
  };
  function answer(request: Request): Response {
    const { pathname, search } = new URL(request.url, "http://docker");
    requests.push(`${request.method} ${pathname}${search}`);
    if (pathname === "/_ping")
      return new Response("OK", { headers: { server: "Docker/26.1.5 (linux)", "api-version": "1.45" } });
    if (pathname === "/events") return events();
    if (pathname === "/containers/json") return json(docker.containers);
    if (pathname === "/services") return json(docker.services);
    if (/^\/containers\/[^/]+\/kill$/.test(pathname)) return new Response(null, { status: 204 });
    const id = /^\/containers\/([^/]+)\/json$/.exec(pathname)?.[1];
    return json(id === undefined ? 404 : (docker.inspected[decodeURIComponent(id)] ?? 404));
  }
  function events(): Response {
    let own: ReadableStreamDefaultController<string>;
    const stream = new ReadableStream<string>({
      start(controller) {
        own = controller;
        followers.add(own);
      },
      cancel: () => void followers.delete(own),
    });
    return new Response(stream, { headers: { "content-type": "application/json" } });
  }
  docker.start();
  return docker;
}

// --- internal ---

function json(value: unknown): Response {
  if (typeof value !== "number") return Response.json(value);
  return Response.json({ message: "the daemon is unwell" }, { status: value });
}
