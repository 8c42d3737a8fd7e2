/** The light door to a Docker API behind a Unix socket: JSON calls and the event stream, in little memory. */
import { ofetch } from "ofetch";
import * as v from "valibot";

/** A container as `GET /containers/json` lists it (Docker Engine API 1.41 and later), as far as qn needs it. */
const containerSchema = v.object({
  Id: v.string(),
  Names: v.array(v.string()),
  Ports: v.array(
    v.object({
      IP: v.optional(v.string(), ""),
      PrivatePort: v.number(),
      PublicPort: v.optional(v.number()),
      Type: v.picklist(["tcp", "udp", "sctp"]),
    }),
  ),
  NetworkSettings: v.optional(
    v.object({ Networks: v.record(v.string(), v.object({ IPAddress: v.optional(v.string(), "") })) }),
  ),
});

/** One running container. */
export type Container = v.InferOutput<typeof containerSchema>;

const mountsSchema = v.object({
  HostConfig: v.object({
    Binds: v.nullish(v.array(v.string()), []),
    Mounts: v.nullish(v.array(v.object({ Type: v.string(), Source: v.optional(v.string(), "") })), []),
  }),
});

/** What a container mounts, as it was asked for: `-v` in Binds, `--mount` in Mounts. */
export type MountRequests = v.InferOutput<typeof mountsSchema>["HostConfig"];

const bindingsSchema = v.object({
  HostConfig: v.object({
    PortBindings: v.nullish(
      v.record(
        v.string(),
        v.nullish(v.array(v.object({ HostIp: v.optional(v.string(), ""), HostPort: v.optional(v.string(), "") })), []),
      ),
      {},
    ),
  }),
});

/** The ports that a container was asked to publish, by "80/tcp". They never change in its life. */
export type PortBindings = v.InferOutput<typeof bindingsSchema>["HostConfig"]["PortBindings"];

/** Calls to the Docker daemon behind one socket. All throw when it does not answer or answers with an error. */
export type DockerApi = {
  /** Resolves when the daemon answers; a socket that systemd holds (docker.socket) makes the caller wait for it. */
  ping(signal?: AbortSignal): Promise<void>;
  /** The running containers. */
  containers(): Promise<Container[]>;
  /** What a container mounts. */
  mounts(id: string): Promise<MountRequests>;
  /** What a container was asked to publish, whatever came of it. */
  portBindings(id: string): Promise<PortBindings>;
  /** Calls `onEvent` for each container or network event until the daemon ends the stream or `signal` fires. */
  follow(onEvent: () => void, signal: AbortSignal): Promise<void>;
};

/** The Docker API behind `socketPath`. Proxy settings of the environment never touch it. */
export function dockerApi(socketPath: string): DockerApi {
  const viaSocket = { unix: socketPath, retry: false, timeout: 0 } as const;
  const call = ofetch.create({ baseURL: "http://docker", ...viaSocket });
  const inspect = (id: string): Promise<unknown> => call(`/containers/${encodeURIComponent(id)}/json`);
  return {
    async ping(signal) {
      await call("/_ping", { responseType: "text", ...(signal === undefined ? {} : { signal }) });
    },
    async containers() {
      return v.parse(v.array(containerSchema), await call("/containers/json"));
    },
    async mounts(id) {
      return v.parse(mountsSchema, await inspect(id)).HostConfig;
    },
    async portBindings(id) {
      return v.parse(bindingsSchema, await inspect(id)).HostConfig.PortBindings;
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
