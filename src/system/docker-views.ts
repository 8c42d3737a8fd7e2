/**
 * What Docker says of its containers, cut down to what commands show: whatever a guest answers is checked at this door.
 */
import * as v from "valibot";

/** A port as `GET /containers/json` lists it. */
export const listedPortSchema = v.object({
  IP: v.optional(v.string(), ""),
  PrivatePort: v.number(),
  PublicPort: v.optional(v.number()),
  Type: v.picklist(["tcp", "udp", "sctp"]),
});

/** A place on the host that a container asks for, as `GET /containers/ID/json` has it. */
export const portBindingSchema = v.object({ HostIp: v.optional(v.string(), ""), HostPort: v.optional(v.string(), "") });

const listedSchema = v.array(
  v.object({
    Id: v.string(),
    Names: v.array(v.string()),
    State: v.string(),
    Ports: v.array(listedPortSchema),
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

/** Parses the answer to `GET /containers/json` (Docker Engine API 1.41 and later). Throws what is wrong with it. */
export function parseListed(answer: unknown): ListedContainer[] {
  return v.parse(listedSchema, answer).map(({ Id, Names, State, Ports, Mounts }) => ({
    id: Id,
    name: nameIn(Names, Id),
    state: State,
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

const askedSchema = v.object({
  HostConfig: v.object({
    PortBindings: v.nullish(v.record(v.string(), v.nullable(v.array(portBindingSchema))), {}),
  }),
});

/** A port that a container was made to publish; `hostPorts` is a number, a range such as "8000-8010", or "" for any. */
export type AskedPort = {
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly hostIp: string;
  readonly hostPorts: string;
  readonly port: number;
};

/** Parses the answer to `GET /containers/ID/json` for its ports (`docker run -p`). Throws what is wrong with it. */
export function parseAsked(answer: unknown): AskedPort[] {
  const bindings = v.parse(askedSchema, answer).HostConfig.PortBindings ?? {};
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

// --- internal ---

/** Of "/web" and "/shop/web" (a link) the first; Docker's short id when it has none. */
function nameIn(names: readonly string[], id: string): string {
  const own = names.find((name) => name.lastIndexOf("/") === 0) ?? names[0];
  return own === undefined ? id.slice(0, 12) : own.replace(/^\//, "");
}
