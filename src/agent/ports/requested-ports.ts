/** Which host ports a container asks for. */
import { canonicalIp } from "../../base/ip.ts";
import { hostAddressLettersMax, type PublishedPort } from "../../protocol/messages.ts";

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
        // As Docker itself writes it in its list; what it cannot read is the host's to refuse.
        hostIp: canonicalIp(HostIp) ?? HostIp.slice(0, hostAddressLettersMax),
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
 * (`-p 8000-8010:80`) Docker takes one and tries no other (moby 26, bridge/port_mapping.go): one that the host has not
 * is then refused with its owner's name, as a port that was asked for by number is.
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
