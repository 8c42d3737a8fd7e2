/** Which ports the running containers publish, and where in the guest each is served. */
import type { PublishedPort } from "../../protocol/messages.ts";
import { fixedPortsOf, type PortRequests } from "./requested-ports.ts";

/** A running container as far as ports go. */
export type PortSource = {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly Ports: readonly {
    readonly IP: string;
    readonly PrivatePort: number;
    readonly PublicPort?: number | undefined;
    readonly Type: "tcp" | "udp" | "sctp";
  }[];
  readonly NetworkSettings?:
    | {
        readonly Networks: Readonly<
          Record<string, { readonly IPAddress: string; readonly GlobalIPv6Address?: string }>
        >;
      }
    | undefined;
};

/** A published port and the address inside the guest that serves it. */
export type ServedPort = PublishedPort & { readonly target: { readonly hostname: string; readonly port: number } };

/**
 * The published ports of all containers, in a stable order. The target is the container itself, not the guest's own
 * address: it serves whatever host address was published, IPv6 and addresses of the host included, and saves a
 * translation by the kernel on each packet. `requests` has what containers asked for, by id.
 */
export function publishedPorts(
  containers: readonly PortSource[],
  requests: ReadonlyMap<string, PortRequests> = new Map(),
): ServedPort[] {
  const ports = containers.flatMap((container) => {
    const hostname = addressOf(container);
    if (hostname === undefined) return [];
    const listed: ServedPort[] = container.Ports.flatMap((port) => {
      if (port.PublicPort === undefined) return [];
      return {
        protocol: port.Type,
        hostIp: port.IP,
        hostPort: port.PublicPort,
        containerId: container.Id,
        container: container.Names[0]?.replace(/^\//, "") ?? container.Id.slice(0, 12),
        target: { hostname, port: port.PrivatePort },
      };
    });
    return [...listed, ...unlistedPorts(listed, requests.get(container.Id), hostname)];
  });
  return ports.toSorted((a, b) => keyOf(a).localeCompare(keyOf(b)));
}

/** What makes a published port the same one: protocol, host address and host port. */
export function keyOf(port: Pick<PublishedPort, "protocol" | "hostIp" | "hostPort">): string {
  return `${port.protocol} ${port.hostIp} ${port.hostPort}`;
}

// --- internal ---

/**
 * The IPv6 ports that the container asks for and Docker's list lacks: where a container has no IPv6 address and there
 * is no userland proxy, Docker 26 drops `-p [::1]:8080:80` without a word. The gate serves it all the same.
 */
function unlistedPorts(
  listed: readonly ServedPort[],
  request: PortRequests | undefined,
  hostname: string,
): ServedPort[] {
  if (request === undefined) return [];
  const known = new Set(listed.map(keyOf));
  return fixedPortsOf(request)
    .filter((port) => port.hostIp.includes(":") && !known.has(keyOf(port)))
    .map(({ containerPort, ...port }) => ({ ...port, target: { hostname, port: containerPort } }));
}

/**
 * The container's address in the first network that gave it one, IPv4 before IPv6; a network without addresses
 * publishes nothing.
 */
function addressOf(container: PortSource): string | undefined {
  const networks = Object.values(container.NetworkSettings?.Networks ?? {});
  const addresses = [...networks.map(({ IPAddress }) => IPAddress), ...networks.map((each) => each.GlobalIPv6Address)];
  return addresses.find((address) => address !== undefined && address !== "");
}
