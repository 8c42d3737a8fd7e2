/**
 * What is read of Docker's containers, and nowhere else: of its answers (Docker Engine API 1.41 and later), of its own
 * records, and of a client's wish to make one. Whatever a guest or a client says is checked here.
 */
import * as v from "valibot";

/** Of an answer that is wrong, the first fault is enough: root in a guest can send one with millions. */
const first = { abortEarly: true } as const;

/** The driver of a volume that is made, and what it is told; `local` unless named. */
const volumeDriverSchema = v.object({
  Name: v.nullish(v.string(), ""),
  Options: v.nullish(v.record(v.string(), v.string()), {}),
});

/**
 * What of a HostConfig says what is mounted: `-v` in Binds, `--mount` in Mounts, other containers' in VolumesFrom. To
 * Docker null is nothing, too.
 */
export const mountRequestsSchema = v.object({
  Binds: v.nullish(v.array(v.string()), []),
  VolumesFrom: v.nullish(v.array(v.string())),
  Mounts: v.nullish(
    v.array(
      v.object({
        Type: v.nullish(v.string(), ""),
        Source: v.nullish(v.string(), ""),
        BindOptions: v.nullish(v.object({ CreateMountpoint: v.optional(v.boolean()) })),
        VolumeOptions: v.nullish(v.object({ DriverConfig: v.nullish(volumeDriverSchema) })),
      }),
    ),
    [],
  ),
});

/** What a container mounts, as a client may write it. */
export type MountRequests = v.InferInput<typeof mountRequestsSchema>;

/** What a container has mounted, wherever it has that from. */
const mountPointsSchema = v.array(
  v.object({
    Type: v.optional(v.string(), ""),
    Source: v.optional(v.string(), ""),
    Name: v.optional(v.string(), ""),
  }),
);

/**
 * The requests, and among them what a container has of others (`--volumes-from`), by what it has mounted: the others
 * may be gone. Throws when `points` are no such list.
 */
export function withTakenMounts<Requests extends MountRequests>(requests: Requests, points: unknown): Requests {
  if ((requests.VolumesFrom ?? []).length === 0) return requests;
  const taken = v
    .parse(mountPointsSchema, points, first)
    .map(({ Type, Source, Name }) => ({ Type, Source: Type === "volume" ? Name : Source }));
  return { ...requests, Mounts: [...(requests.Mounts ?? []), ...taken] };
}

/** What of it says which ports are published: `-p`, by the container's own port, such as "80/tcp". */
const portEntries = {
  PortBindings: v.nullish(
    v.record(
      v.string(),
      v.nullable(v.array(v.object({ HostIp: v.optional(v.string(), ""), HostPort: v.optional(v.string(), "") }))),
    ),
    {},
  ),
};

const detailsSchema = v.object({
  Id: v.string(),
  Name: v.string(),
  State: v.optional(v.object({ Running: v.boolean() })),
  HostConfig: v.object({
    NetworkMode: v.optional(v.string(), ""),
    PublishAllPorts: v.optional(v.boolean()),
    AutoRemove: v.optional(v.boolean()),
    ...portEntries,
    ...mountRequestsSchema.entries,
  }),
  Mounts: v.optional(v.unknown()),
});

/** What a container was asked to be. */
export type ContainerDetails = Omit<v.InferOutput<typeof detailsSchema>, "Mounts">;

/**
 * Parses what Docker says of a container (`GET /containers/ID/json`), or writes of it on the disk, with what it has of
 * other containers among its own mounts. Throws what is wrong with it.
 */
export function parseDetails(value: unknown): ContainerDetails {
  const { Mounts, ...details } = v.parse(detailsSchema, value, first);
  return { ...details, HostConfig: withTakenMounts(details.HostConfig, Mounts) };
}

/** What `GET /containers/json` has of each container, whoever asks. */
const commonEntries = {
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
};

const runningSchema = v.array(
  v.object({
    ...commonEntries,
    HostConfig: v.optional(v.object({ NetworkMode: v.optional(v.string(), "") })),
    Mounts: v.optional(v.array(v.object({ Type: v.string(), Source: v.optional(v.string(), "") })), []),
    Labels: v.nullish(v.record(v.string(), v.string())),
    NetworkSettings: v.optional(
      v.object({
        Networks: v.record(
          v.string(),
          v.object({ IPAddress: v.optional(v.string(), ""), GlobalIPv6Address: v.optional(v.string(), "") }),
        ),
      }),
    ),
  }),
);

/** One running container, as the agent goes by it. */
export type Container = v.InferOutput<typeof runningSchema>[number];

/** Parses `GET /containers/json` for the agent. Throws what is wrong with it. */
export function parseRunning(answer: unknown): Container[] {
  return v.parse(runningSchema, answer, first);
}

const startSchema = v.object({
  Type: v.literal("container"),
  Action: v.literal("start"),
  Actor: v.object({ ID: v.string() }),
});

/** The id of the container that has started, by a line of Docker's events (`GET /events`); nothing of other events. */
export function startedIn(line: string): string | undefined {
  try {
    const event = v.safeParse(startSchema, JSON.parse(line), first);
    return event.success ? event.output.Actor.ID : undefined;
  } catch {
    return undefined;
  }
}

const servicePortsSchema = v.nullish(
  v.array(
    v.object({
      Protocol: v.optional(v.picklist(["tcp", "udp", "sctp"]), "tcp"),
      PublishedPort: v.optional(v.number(), 0),
      PublishMode: v.optional(v.string(), "ingress"),
    }),
  ),
  [],
);

const servicesSchema = v.array(
  v.object({
    ID: v.string(),
    Spec: v.object({
      Name: v.string(),
      EndpointSpec: v.optional(v.object({ Ports: servicePortsSchema })),
    }),
    Endpoint: v.optional(v.object({ Ports: servicePortsSchema })),
  }),
);

/** A port that a service of a swarm publishes at every node. */
export type ServicePort = {
  readonly id: string;
  readonly service: string;
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly hostPort: number;
};

/**
 * Parses `GET /services`: what services were asked to publish at every node, and what the swarm has chosen itself (it
 * takes a moment to say both). Throws what is wrong with it.
 */
export function parseServices(answer: unknown): ServicePort[] {
  return v.parse(servicesSchema, answer, first).flatMap(({ ID, Spec, Endpoint }) => {
    const ports = [...(Endpoint?.Ports ?? []), ...(Spec.EndpointSpec?.Ports ?? [])];
    const published = ports.filter(({ PublishMode, PublishedPort }) => PublishMode === "ingress" && PublishedPort > 0);
    const keyed = published.map(
      ({ Protocol, PublishedPort }) =>
        [`${Protocol} ${PublishedPort}`, { protocol: Protocol, hostPort: PublishedPort }] as const,
    );
    return [...new Map(keyed).values()].map((port) => ({ id: ID, service: Spec.Name, ...port }));
  });
}

const listedSchema = v.array(
  v.object({
    ...commonEntries,
    State: v.string(),
    HostConfig: v.optional(v.object({ NetworkMode: v.optional(v.string(), "") }), {}),
    Mounts: v.array(
      v.object({ Type: v.string(), Source: v.optional(v.string(), ""), Destination: v.string(), RW: v.boolean() }),
    ),
  }),
);

/** One container, whatever its state, such as "running", "exited" or "created". */
export type ListedContainer = {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  /** Docker's name of its network, such as "bridge" or "host". */
  readonly network: string;
  /** The ports that are published now; `port` is the container's own. */
  readonly ports: readonly {
    readonly protocol: "tcp" | "udp" | "sctp";
    readonly hostIp: string;
    readonly hostPort: number;
    readonly port: number;
  }[];
  /** Folders and files of the guest that it mounts. */
  readonly binds: readonly { readonly source: string; readonly destination: string; readonly readOnly: boolean }[];
};

/** Parses `GET /containers/json` for commands, cut down to what they show. Throws what is wrong with it. */
export function parseListed(answer: unknown): ListedContainer[] {
  return v.parse(listedSchema, answer, first).map(({ Id, Names, State, Ports, Mounts, HostConfig }) => ({
    id: Id,
    name: nameIn(Names, Id),
    state: State,
    network: HostConfig.NetworkMode,
    ports: Ports.flatMap(({ IP, PrivatePort, PublicPort, Type }) =>
      PublicPort === undefined ? [] : [{ protocol: Type, hostIp: IP, hostPort: PublicPort, port: PrivatePort }],
    ),
    binds: Mounts.filter(({ Type }) => Type === "bind").map(({ Source, Destination, RW }) => ({
      source: Source,
      destination: Destination,
      readOnly: !RW,
    })),
  }));
}

const askedSchema = v.object({ HostConfig: v.object(portEntries) });

/** A port that a container was made to publish; `hostPorts` is a number, a range such as "8000-8010", or "" for any. */
export type AskedPort = {
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly hostIp: string;
  readonly hostPorts: string;
  readonly port: number;
};

/** Parses the answer to `GET /containers/ID/json` for its ports (`docker run -p`). Throws what is wrong with it. */
export function parseAsked(answer: unknown): AskedPort[] {
  const bindings = v.parse(askedSchema, answer, first).HostConfig.PortBindings ?? {};
  return Object.entries(bindings).flatMap(([key, places]) => {
    const [, port, protocol = "tcp"] = /^(\d+)(?:\/(tcp|udp|sctp))?$/.exec(key) ?? [];
    if (protocol !== "tcp" && protocol !== "udp" && protocol !== "sctp") return [];
    return (places ?? []).map(({ HostIp, HostPort }) => ({
      protocol,
      hostIp: HostIp,
      hostPorts: HostPort,
      port: Number(port),
    }));
  });
}

/** A container's name: of "/web" and "/shop/web" (a link) the first; Docker's short id when it has none. */
export function nameIn(names: readonly string[], id: string): string {
  const own = names.find((name) => name.lastIndexOf("/") === 0) ?? names[0];
  return own === undefined ? id.slice(0, 12) : own.replace(/^\//, "");
}
