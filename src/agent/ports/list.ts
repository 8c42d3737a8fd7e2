/** Lists the published ports of a Docker daemon. */
import type { DockerApi } from "../../system/docker-api.ts";
import { isThere } from "../../system/files.ts";
import type { Containers } from "../docker/containers.ts";
import { publishedPorts, type ServedPort } from "./published.ts";

/** Docker's own record of the swarm that it is part of, which is there for as long as it is (moby, daemon/cluster). */
const swarmRecord = "/var/lib/qn/docker/swarm/docker-state.json";

/** Whom to ask for services, and where Docker keeps its record of a swarm. */
type Swarm = { readonly docker: Pick<DockerApi, "services">; readonly record?: string };

/**
 * Makes what lists the ports that are published now, those included that Docker's own list leaves out and the
 * containers have asked for, and those of services when there is a swarm. Throws when the daemon does not answer.
 */
export function portLister(
  containers: Pick<Containers, "list" | "askedOf">,
  swarm?: Swarm,
): () => Promise<readonly ServedPort[]> {
  return async () => {
    const [running, ofServices] = await Promise.all([containers.list(), servicePorts(swarm)]);
    const withPorts = running.filter(({ Ports }) => Ports.length > 0).map(({ Id }) => Id);
    return [...publishedPorts(running, await containers.askedOf(withPorts)), ...ofServices];
  };
}

// --- internal ---

/**
 * What services publish at every node of the swarm, in the guest too: Docker answers there in the network of each node
 * (its loopback too), whichever node runs the service. A node that manages nothing may not ask, and has none.
 */
async function servicePorts(swarm: Swarm | undefined): Promise<readonly ServedPort[]> {
  if (swarm === undefined || !(await isThere(swarm.record ?? swarmRecord))) return [];
  const ports = await swarm.docker.services().catch(() => []);
  return ports.map(({ id, service, protocol, hostPort }) => ({
    protocol,
    hostIp: "0.0.0.0",
    hostPort,
    containerId: id,
    container: service,
    source: "swarm",
    target: { hostname: "127.0.0.1", port: hostPort },
  }));
}
