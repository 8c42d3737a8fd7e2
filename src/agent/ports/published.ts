/** Which ports the running containers publish, and where in the guest each is served. */
import type { PublishedPort } from "../../protocol/messages.ts";

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
    | { readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>> }
    | undefined;
};

/** A published port and the address inside the guest that serves it. */
export type ServedPort = PublishedPort & { readonly target: { readonly hostname: string; readonly port: number } };

/**
 * The published ports of all containers, in a stable order. The target is the container itself, not the guest's own
 * address: it serves whatever host address was published, IPv6 and addresses of the host included, and saves a
 * translation by the kernel on each packet.
 */
export function publishedPorts(containers: readonly PortSource[]): ServedPort[] {
  const ports = containers.flatMap((container) => {
    const hostname = addressOf(container);
    if (hostname === undefined) return [];
    return container.Ports.flatMap((port) => {
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
  });
  return ports.toSorted((a, b) => keyOf(a).localeCompare(keyOf(b)));
}

/** What a container was asked to publish, as its HostConfig says: by "80/tcp". */
export type Asked = Readonly<Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[]>>;

/**
 * The container with the IPv6 publishes that Docker has left out. Where a container has no IPv6 address and there is
 * no userland proxy, Docker 26 drops `-p [::1]:8080:80` without a word; the gate serves it all the same.
 */
export function withDroppedPorts<Source extends PortSource>(container: Source, asked: Asked): Source {
  const dropped = Object.entries(asked).flatMap(([key, bindings]) => {
    const [port, type] = key.split("/");
    const Type = types.find((known) => known === type);
    if (Type === undefined) return [];
    return bindings
      .filter(({ HostIp, HostPort }) => HostIp.includes(":") && /^[1-9]\d*$/.test(HostPort))
      .map(({ HostIp, HostPort }) => ({
        IP: HostIp,
        PrivatePort: Number(port),
        PublicPort: Number(HostPort),
        Type,
      }));
  });
  const isServed = (port: PortSource["Ports"][number]): boolean =>
    container.Ports.some(
      ({ IP, PublicPort, Type }) => IP === port.IP && PublicPort === port.PublicPort && Type === port.Type,
    );
  return { ...container, Ports: [...container.Ports, ...dropped.filter((port) => !isServed(port))] };
}

/** What makes a published port the same one: protocol, host address and host port. */
export function keyOf(port: Pick<PublishedPort, "protocol" | "hostIp" | "hostPort">): string {
  return `${port.protocol} ${port.hostIp} ${port.hostPort}`;
}

// --- internal ---

const types = ["tcp", "udp", "sctp"] as const;

/** The container's address in the first network that gave it one; a network without addresses publishes nothing. */
function addressOf(container: PortSource): string | undefined {
  const networks = Object.values(container.NetworkSettings?.Networks ?? {});
  return networks.map((network) => network.IPAddress).find((address) => address !== "");
}
