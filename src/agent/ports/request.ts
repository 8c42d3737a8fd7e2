/** Which Docker API requests change what is published, and which host ports a container asks for by number. */
import type { PublishedPort } from "../../protocol/messages.ts";
import { dockerPath } from "../docker/docker-path.ts";

/**
 * What a request does to ports: `start` may publish those of one container; `settle` may publish or release any; nothing
 * for all other requests.
 */
export type PortCall = { readonly call: "start"; readonly id: string } | { readonly call: "settle" } | undefined;

/** What a container asks for with `-p`, as Docker's API writes it. */
export type PortRequests = {
  readonly Id: string;
  readonly Name: string;
  readonly HostConfig: {
    readonly NetworkMode: string;
    readonly PublishAllPorts?: boolean | undefined;
    readonly PortBindings?: Readonly<
      Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[] | null>
    > | null;
  };
};

/** Recognises the calls after which other ports may be published than before. */
export function portCallOf(method: string, uri: string): PortCall {
  const [kind = "", id = "", verb, ...more] = dockerPath(uri) ?? [];
  if (id === "" || more.length > 0) return undefined;
  if (method === "DELETE" && kind === "containers" && verb === undefined) return { call: "settle" };
  if (method !== "POST" || verb === undefined) return undefined;
  if (kind === "containers" && (verb === "start" || verb === "restart")) return { call: "start", id };
  return settling.get(kind)?.includes(verb) === true ? { call: "settle" } : undefined;
}

/**
 * The host ports that a container names itself. What Docker chooses (`-p 80`, ranges) is known only once it runs, and
 * a container in the host's or another one's network publishes nothing. `containerPort` is the port inside.
 */
export function fixedPortsOf({ Id, Name, HostConfig }: PortRequests): (PublishedPort & { containerPort: number })[] {
  const { NetworkMode, PortBindings } = HostConfig;
  if (!hasOwnPorts(NetworkMode)) return [];
  return Object.entries(PortBindings ?? {}).flatMap(([spec, bindings]) => {
    const protocol = protocols.find((known) => spec.endsWith(`/${known}`)) ?? "tcp";
    return (bindings ?? []).flatMap(({ HostIp, HostPort }) => {
      const hostPort = /^\d+$/.test(HostPort) ? Number(HostPort) : 0;
      if (hostPort < 1 || hostPort > 65_535) return [];
      const container = Name.replace(/^\//, "");
      return {
        protocol,
        hostIp: HostIp,
        hostPort,
        containerId: Id,
        container,
        containerPort: Number.parseInt(spec, 10),
      };
    });
  });
}

/**
 * Whether Docker chooses a host port for this container from the VM's own when it starts: `-P`, `-p 80`. Of a range
 * (`-p 8000-8010:80`) Docker takes one and tries no other (moby 26, bridge/port_mapping.go): one that the host has not is
 * then refused with its owner's name, as a port that was asked for by number is.
 */
export function letsDockerChoose({ HostConfig }: PortRequests): boolean {
  const { NetworkMode, PortBindings, PublishAllPorts } = HostConfig;
  if (!hasOwnPorts(NetworkMode)) return false;
  const bindings = Object.values(PortBindings ?? {}).flatMap((each) => each ?? []);
  return PublishAllPorts === true || bindings.some(({ HostPort }) => /^0*$/.test(HostPort));
}

// --- internal ---

/** False for a container in the host's or another one's network, which publishes nothing. */
function hasOwnPorts(networkMode: string): boolean {
  return networkMode !== "host" && networkMode !== "none" && !networkMode.startsWith("container:");
}

const protocols = ["tcp", "udp", "sctp"] as const;

/** The verbs after which ports may have come or gone, by the kind of thing they are done to. */
const settling: ReadonlyMap<string, readonly string[]> = new Map([
  // The answer to a wait leaves when a container has ended: `docker run` ends with it.
  ["containers", ["stop", "kill", "wait", "pause", "unpause", "rename", "update"]],
  ["networks", ["connect", "disconnect"]],
]);
