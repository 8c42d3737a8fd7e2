/**
 * The light door to a Docker API behind a Unix socket, for what lives for weeks: JSON calls and the event stream, in
 * little memory. Whoever asks only whether Docker answers asks here too, commands as well (docs/decisions.md#d4).
 */
import { type $Fetch, type FetchContext, type FetchOptions, ofetch } from "ofetch";
import { messageOf, QnError } from "../base/errors.ts";
import {
  type Container,
  type ContainerDetails,
  parseDetails,
  parseRunning,
  parseServices,
  type ServicePort,
} from "./docker-views.ts";
import { requestLine, tracers } from "./trace.ts";

/** Calls to the Docker daemon behind one socket. All throw when it does not answer or answers with an error. */
export type DockerApi = {
  /** Resolves when the daemon answers; a socket that systemd holds (docker.socket) makes the caller wait for it. */
  ping(signal?: AbortSignal): Promise<void>;
  /** The running containers. */
  containers(): Promise<Container[]>;
  /** What the services of its swarm publish; a daemon that manages no swarm answers with an error. */
  services(): Promise<ServicePort[]>;
  /** What a container was asked to be, running or not. `id` may be a name. */
  details(id: string): Promise<ContainerDetails>;
  /** Ends a container at once (SIGKILL). */
  kill(id: string): Promise<void>;
  /** Stops a container as `docker stop` does; resolves once it has ended. */
  stop(id: string): Promise<void>;
  start(id: string): Promise<void>;
  /** Removes a container with the volumes that are its own, as `--rm` does. */
  remove(id: string): Promise<void>;
  /**
   * Calls `onEvent` for each event of a container, a network or a service until the daemon ends the stream or `signal`
   * fires.
   */
  follow(onEvents: (lines: Uint8Array) => void, signal: AbortSignal): Promise<void>;
};

/**
 * How long Docker may take to answer a command's question: longer than an emulated guest needs, shorter than a person
 * waits.
 */
export const answerMs = 10_000;

/**
 * How long it may take right after a start, when the guest does all that it has put off. Beside twenty other programs
 * an emulated one, whose Docker had answered the supervisor a moment before, took longer than `answerMs`, and `qn up`
 * failed for a VM that was up.
 */
const firstAnswerMs = 60_000;

/** What a command says when the Docker behind a socket does not answer. */
export function dockerUnreachable(socketPath: string, cause: unknown): QnError {
  return new QnError("DOCKER_UNREACHABLE", `Docker does not answer at ${socketPath}: ${messageOf(cause)}.`, { cause });
}

/**
 * The daemon behind a socket in one line, such as "Docker 26.1.5 (API 1.45)", by what it says of itself with each
 * answer (Docker Engine API, `/_ping`): for `/version` it starts four programs, which takes an emulated guest a second.
 * Throws DOCKER_UNREACHABLE when it does not answer in `patienceMs`.
 */
export async function describeDocker(socketPath: string, patienceMs = firstAnswerMs): Promise<string> {
  try {
    const headers = await pinged(caller(socketPath), { timeout: patienceMs });
    const version = /^Docker\/(\S+)/.exec(headers.get("server") ?? "")?.[1];
    const api = headers.get("api-version");
    return ["Docker", ...(version ? [version] : []), ...(api ? [`(API ${api})`] : [])].join(" ");
  } catch (cause) {
    throw dockerUnreachable(socketPath, cause);
  }
}

/** The Docker API behind `socketPath`. Proxy settings of the environment never touch it. */
export function dockerApi(socketPath: string): DockerApi {
  const call = caller(socketPath);
  return {
    async ping(signal) {
      await pinged(call, signal === undefined ? {} : { signal });
    },
    async containers() {
      return parseRunning(await call("/containers/json"));
    },
    async services() {
      return parseServices(await call("/services"));
    },
    async details(id) {
      return parseDetails(await call(`/containers/${encodeURIComponent(id)}/json`));
    },
    async kill(id) {
      await call(`/containers/${encodeURIComponent(id)}/kill`, { method: "POST" });
    },
    async stop(id) {
      await call(`/containers/${encodeURIComponent(id)}/stop`, { method: "POST" });
    },
    async start(id) {
      await call(`/containers/${encodeURIComponent(id)}/start`, { method: "POST" });
    },
    async remove(id) {
      await call(`/containers/${encodeURIComponent(id)}`, { method: "DELETE", query: { v: 1, force: 1 } });
    },
    async follow(onEvents, signal) {
      const filters = JSON.stringify({ type: ["container", "network", "service"] });
      const events: ReadableStream<Uint8Array> = await call("/events", {
        query: { filters },
        responseType: "stream",
        signal,
      });
      for await (const lines of events) onEvents(lines);
    },
  };
}

// --- internal ---

const baseURL = "http://docker";

/**
 * What comes with the answer to a ping. Its body says nothing, and root in a guest can let it go on for ever: it is not
 * read.
 */
async function pinged(call: $Fetch, options: Pick<FetchOptions, "timeout" | "signal">): Promise<Headers> {
  // Nobody asks on the same connection again, and an open one is somebody who uses the VM.
  const once = { keepalive: false, responseType: "stream", ignoreResponseError: true } as const;
  const response = await call.raw("/_ping", { ...options, ...once });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`it answers a ping with status ${response.status}`);
  return response.headers;
}

/** Without a time limit: a daemon that is starting answers late. */
function caller(socketPath: string): $Fetch {
  const viaSocket = { unix: socketPath, retry: false, timeout: 0 } as const;
  return ofetch.create({
    baseURL,
    ...viaSocket,
    onRequest: (call) => tracers.docker?.("->", asked(call)),
    onRequestError: (call) => tracers.docker?.("<-", `${asked(call)}: ${messageOf(call.error)}`),
    onResponse: (call) => tracers.docker?.("<-", `${asked(call)}: ${call.response.status}`),
  });
}

/** A call as the trace shows it; the base stands before the path only once it was sent. */
function asked({ request, options }: FetchContext): string {
  const target = request instanceof Request ? request.url : request;
  return requestLine(options.method ?? "GET", target.replace(baseURL, ""));
}
