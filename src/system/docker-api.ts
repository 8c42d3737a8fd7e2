/** The light door to a Docker API behind a Unix socket: JSON calls and the event stream, in little memory. */
import { ofetch } from "ofetch";
import * as v from "valibot";
import { messageOf, QnError } from "../base/errors.ts";
import { listedPortSchema, portBindingSchema } from "./docker-views.ts";

/** A container as `GET /containers/json` lists it (Docker Engine API 1.41 and later), as far as qn needs it. */
const containerSchema = v.object({
  Id: v.string(),
  Names: v.array(v.string()),
  Ports: v.array(listedPortSchema),
  Mounts: v.optional(v.array(v.object({ Type: v.string(), Source: v.optional(v.string(), "") })), []),
  NetworkSettings: v.optional(
    v.object({
      Networks: v.record(
        v.string(),
        v.object({ IPAddress: v.optional(v.string(), ""), GlobalIPv6Address: v.optional(v.string(), "") }),
      ),
    }),
  ),
});

/** One running container. */
export type Container = v.InferOutput<typeof containerSchema>;

const detailsSchema = v.object({
  Id: v.string(),
  Name: v.string(),
  State: v.optional(v.object({ Running: v.boolean() })),
  HostConfig: v.object({
    NetworkMode: v.optional(v.string(), ""),
    PublishAllPorts: v.optional(v.boolean()),
    AutoRemove: v.optional(v.boolean()),
    PortBindings: v.nullish(v.record(v.string(), v.nullable(v.array(portBindingSchema))), {}),
    Binds: v.nullish(v.array(v.string()), []),
    Mounts: v.nullish(
      v.array(
        v.object({
          Type: v.string(),
          Source: v.optional(v.string(), ""),
          BindOptions: v.nullish(v.object({ CreateMountpoint: v.optional(v.boolean()) })),
        }),
      ),
      [],
    ),
  }),
});

/** What a container was asked to be: `-v` in Binds, `--mount` in Mounts, `-p` in PortBindings. */
export type ContainerDetails = v.InferOutput<typeof detailsSchema>;

/** Reads what Docker says of a container, or writes of it on the disk. Throws what is wrong with it. */
export function parseDetails(value: unknown): ContainerDetails {
  return v.parse(detailsSchema, value);
}

/** Calls to the Docker daemon behind one socket. All throw when it does not answer or answers with an error. */
export type DockerApi = {
  /** Resolves when the daemon answers; a socket that systemd holds (docker.socket) makes the caller wait for it. */
  ping(signal?: AbortSignal): Promise<void>;
  /** The running containers. */
  containers(): Promise<Container[]>;
  /** What a container was asked to be, running or not. `id` may be a name. */
  details(id: string): Promise<ContainerDetails>;
  /** Ends a container at once (SIGKILL). */
  kill(id: string): Promise<void>;
  /** Removes a container with the volumes that are its own, as `--rm` does. */
  remove(id: string): Promise<void>;
  /** Calls `onEvent` for each container or network event until the daemon ends the stream or `signal` fires. */
  follow(onEvent: () => void, signal: AbortSignal): Promise<void>;
};

/**
 * How long Docker may take to answer a command's question: longer than an emulated guest needs, shorter than a person
 * waits.
 */
export const answerMs = 10_000;

/** What a command says when the Docker behind a socket does not answer. */
export function dockerUnreachable(socketPath: string, cause: unknown): QnError {
  return new QnError("DOCKER_UNREACHABLE", `Docker does not answer at ${socketPath}: ${messageOf(cause)}.`, { cause });
}

/**
 * The daemon behind a socket in one line, such as "Docker 26.1.5 (API 1.45)", by what it says of itself with each
 * answer (Docker Engine API, `/_ping`): for `/version` it starts four programs, which takes an emulated guest a second.
 * Throws DOCKER_UNREACHABLE when it does not answer.
 */
export async function describeDocker(socketPath: string): Promise<string> {
  const how = { unix: socketPath, retry: false, timeout: answerMs, responseType: "text" } as const;
  try {
    const { headers } = await ofetch.raw("http://docker/_ping", how);
    const version = /^Docker\/(\S+)/.exec(headers.get("server") ?? "")?.[1];
    const api = headers.get("api-version");
    return ["Docker", ...(version ? [version] : []), ...(api ? [`(API ${api})`] : [])].join(" ");
  } catch (cause) {
    throw dockerUnreachable(socketPath, cause);
  }
}

/** The Docker API behind `socketPath`. Proxy settings of the environment never touch it. */
export function dockerApi(socketPath: string): DockerApi {
  const viaSocket = { unix: socketPath, retry: false, timeout: 0 } as const;
  const call = ofetch.create({ baseURL: "http://docker", ...viaSocket });
  return {
    async ping(signal) {
      await call("/_ping", { responseType: "text", ...(signal === undefined ? {} : { signal }) });
    },
    async containers() {
      return v.parse(v.array(containerSchema), await call("/containers/json"));
    },
    async details(id) {
      return parseDetails(await call(`/containers/${encodeURIComponent(id)}/json`));
    },
    async kill(id) {
      await call(`/containers/${encodeURIComponent(id)}/kill`, { method: "POST" });
    },
    async remove(id) {
      await call(`/containers/${encodeURIComponent(id)}`, { method: "DELETE", query: { v: 1, force: 1 } });
    },
    async follow(onEvent, signal) {
      const filters = JSON.stringify({ type: ["container", "network"] });
      const events: ReadableStream<Uint8Array> = await call("/events", {
        query: { filters },
        responseType: "stream",
        signal,
      });
      for await (const _chunk of events) onEvent();
    },
  };
}
